"""The dashboard and the report in a real browser: Debian's chromium, driven.

Skipped where there is no chromium, or no playwright to drive it; nothing is downloaded.
With OMSKIT_SCREENSHOTS, a folder, what was seen is kept there.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from omskit import LumiMask
from omskit.cli.output import encoders
from omskit.dashboard import Asker, running
from omskit.dashboard.playing import PlayedClient
from omskit.errors import TransportError

driver = pytest.importorskip("playwright.sync_api")
# Read here, as tests run without the variables of whoever starts them.
KEPT = os.environ.get("OMSKIT_SCREENSHOTS")
CHROMIUM = os.environ.get("OMSKIT_CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here"),
    pytest.mark.timeout(300),
    # Threads of the dashboard outlive a test, and the filters of it.
    pytest.mark.filterwarnings("ignore::omskit.errors.OMSWarning"),
]

START = dt.datetime(2024, 10, 6, 4, 30, tzinfo=dt.UTC)
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A name of a stranger that leads here, as in DNS rebinding.
    "--host-resolver-rules=MAP rebound.example 127.0.0.1",
]
PAGES = {
    "now": "/now",
    "run": "/run/297050",
    "fill": "/fill/5839",
    "trigger": "/trigger?run=297050&pattern=HLT_IsoMu*,HLT_ZeroBias*",
    "masks": "/masks",
    "ask": "/ask?resource=runs&runs=297046-297056&fields=run_number,l1_rate",
}
SERIOUS = {"serious", "critical"}


class Breaking(Asker):
    """An asker whose service can be cut off."""

    is_cut = False

    def newest_run(self, **options):
        if self.is_cut:
            message = "connection refused"
            raise TransportError(message)
        return super().newest_run(**options)


@pytest.fixture(scope="module")
def asker():
    """Who asks the demo, whose run 386694 is going on."""
    with PlayedClient(START, 20.0) as oms:
        begun = dt.datetime.now(dt.UTC)
        yield Breaking(oms, now=lambda: START + 20 * (dt.datetime.now(dt.UTC) - begun))


@pytest.fixture(scope="module")
def address(asker):
    """Where the dashboard is."""
    with running(asker, encoders(), every_s=0.5) as (url, _):
        yield url


@pytest.fixture(scope="module")
def browser():
    """Chromium."""
    with driver.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture
def tab(browser, address):
    """A tab, in which nothing may be said on the console, nor asked of others."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, base_url=address
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = context.new_page()
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    context.close()
    assert page.said == []
    others = [u for u in page.asked if not u.startswith((address, "data:", "blob:"))]
    assert others == []


def keep(page, name):
    """Keep what is seen, where the build wants it."""
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(KEPT) / f"{name}.png", full_page=True)


def sentence(page):
    """The first line."""
    return page.inner_text("#sentence")


def drag(page, selector, first, last):
    """Drag over a figure, from one part of its width to another."""
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + first * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + last * box["width"], y, steps=4)
    page.mouse.up()


@pytest.mark.parametrize("name", PAGES)
def test_pages_open(tab, name):
    """Every page opens by its link, and axe finds nothing serious."""
    tab.goto(PAGES[name])
    assert sentence(tab).endswith(".")
    keep(tab, f"{name}-1280")
    violations = axe(tab)
    assert violations == []


def axe(page):
    """What axe-core finds, serious or worse; nothing where it is not installed."""
    package = pytest.importorskip("axe_playwright_python")
    script = Path(package.__file__).with_name("axe.min.js")
    page.evaluate(script.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (v["id"], [n["html"][:120] for n in v["nodes"][:3]])
        for v in found["violations"]
        if v["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_a_telephone_in_the_dark(browser, address, name):
    """At 390 pixels and in the dark a page is not wider than the window."""
    context = browser.new_context(
        viewport={"width": 390, "height": 800}, color_scheme="dark", base_url=address
    )
    page = context.new_page()
    page.goto(PAGES[name])
    width = page.evaluate("document.documentElement.scrollWidth")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    keep(page, f"{name}-390-dark")
    violations = axe(page)
    context.close()
    assert width <= 390
    assert colour == "rgb(21, 24, 28)"
    assert violations == []


def test_a_drag_zooms_and_the_link_is_the_view(tab, browser, address):
    """Dragging zooms all figures; the address gives another browser the same view."""
    tab.goto("/run/297050")
    drag(tab, "#plots .plot .area", 0.25, 0.5)
    tab.wait_for_url("**from=**")
    given = parse_qs(urlsplit(tab.url).query)
    first, last = int(given["from"][0]), int(given["to"][0])
    assert abs(first - 198) <= 2
    assert abs(last - 396) <= 2
    tab.wait_for_selector("#reset")
    words = tab.inner_text(".range span")
    span = f"297050:{first + 1} to 297050:{last + 1}"
    assert words == f"{last - first + 1} lumisections, {span}"
    other = browser.new_context()
    page = other.new_page()
    page.goto(tab.url)
    assert page.inner_text("#plots") == tab.inner_text("#plots")
    other.close()
    tab.go_back()
    tab.wait_for_selector("#reset", state="detached")
    tab.go_forward()
    tab.wait_for_selector("#reset")
    tab.keyboard.press("0")
    tab.wait_for_selector("#reset", state="detached")


def test_a_zoom_is_seen_before_the_server_answers(tab):
    """Figures are scaled at once, by hand, wheel and keys; the server's follow."""
    tab.goto("/run/297050")
    held = []
    tab.route("**/run/297050?from=**", lambda route: held.append(route))  # noqa: PLW0108  # the driver marks it
    drag(tab, "#plots .plot .area", 0.25, 0.5)
    a, b = map(float, tab.get_attribute("#plots", "data-view").split())
    assert (round(a, 1), round(b, 1)) == (0.2, 0.5)
    scaled = f"{1000 * a} 0 {1000 * (b - a)} 100"
    assert tab.get_attribute("#plots .plot svg", "viewBox").startswith(scaled[:6])
    box = tab.locator("#plots .plot .area").first.bounding_box()
    tab.mouse.move(box["x"] + 1, box["y"] + 20)
    slot = int(a * 793)
    assert tab.inner_text("#hover").startswith(f"Run 297050, lumisection {slot + 1}:")
    held[0].continue_()
    tab.wait_for_selector("#reset")
    tab.unroute("**/run/297050?from=**")
    tab.focus("#plots")
    tab.keyboard.press("Shift+ArrowRight")
    tab.wait_for_function("n => !location.search.includes(`from=${n}&`)", arg=slot)
    tab.wait_for_selector("#plots:not(.scaled)")
    assert tab.evaluate("document.activeElement.id") == "plots"
    first = int(parse_qs(urlsplit(tab.url).query)["from"][0])
    assert first > slot
    tab.mouse.wheel(0, 0)
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, 4000)
    tab.keyboard.up("Control")
    tab.wait_for_selector("#reset", state="detached")
    assert tab.url.endswith("/run/297050")


def test_hover_and_keys_tell_the_numbers(tab, asker):
    """The lumisection under the pointer, or chosen with keys, is told in numbers."""
    tab.goto("/run/297050")
    box = tab.locator("#plots .plot .area").first.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * (100.5 / 793), box["y"] + 20)
    told = tab.inner_text("#hover")
    row = asker.report("run", 297050).lumisections.to_records()[100]
    assert told.startswith("Run 297050, lumisection 101:")
    assert f"Pileup {row['pileup']:.6g};" in told
    assert told.endswith("every flag on")
    tab.focus("#plots")
    tab.keyboard.press("ArrowRight")
    assert tab.inner_text("#hover").startswith("Run 297050, lumisection 102:")


def test_a_click_says_why(tab):
    """A click on a lumisection gives its verdict."""
    tab.goto("/run/297050")
    drag(tab, "#plots .plot .area", 790.5 / 793, 790.5 / 793)
    tab.wait_for_selector("#verdict")
    assert "lumisection 791: bad." in tab.inner_text("#verdict")
    assert "at=790" in tab.url


def test_states_are_links(tab):
    """Stable beams are one click away."""
    tab.goto("/run/297050")
    tab.click(".choices a:text-is('stable beams')")
    tab.wait_for_url("**states=stable**")
    data = json.loads(tab.evaluate("document.getElementById('hover-data').textContent"))
    assert data["curves"][0]["values"][-1] is None


def test_ask_by_typing(tab, asker):
    """A question is typed, fields are chosen by a click, and rows read back."""
    tab.goto("/ask")
    tab.fill("input[name=resource]", "runs")
    tab.fill("input[name=runs]", "297047-297050")
    tab.fill("#fields", "")
    tab.locator("#fields").press_sequentially("run_number,l1_ra")
    tab.wait_for_selector("#names li:has-text('l1_rate')")
    assert tab.get_attribute("#fields", "aria-expanded") == "true"
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert tab.input_value("#fields") == "run_number,l1_rate"
    tab.fill("#fields", "")
    tab.click("form#ask button")
    tab.wait_for_selector("details.fields")
    tab.click("details.fields summary")
    tab.click("button[data-field=run_number]")
    tab.click("button[data-field=l1_rate]")
    assert tab.input_value("#fields") == "run_number,l1_rate"
    tab.click("form#ask button")
    tab.wait_for_url("**fields=run_number**")
    assert sentence(tab) == "4 rows of runs, 2 columns."
    with tab.expect_download() as downloading:
        tab.click("a:text-is('parquet')")
    table = pq.read_table(downloading.value.path())
    wanted = asker.client.runs((297047, 297050), fields=["run_number", "l1_rate"])
    assert table.equals(wanted.arrow)
    tab.click("text=Copy Python")
    copied = tab.evaluate("navigator.clipboard.readText()")
    names = {}
    exec(copied, names)
    assert names["table"].arrow.equals(wanted.arrow)


def test_the_heat_map_is_clicked_and_zoomed(tab):
    """A click on a row of the heat map draws its path; a drag zooms."""
    tab.goto(PAGES["trigger"])
    names = json.loads(
        tab.evaluate("document.getElementById('heat-names').textContent")
    )
    box = tab.locator("#heat").bounding_box()
    tab.mouse.click(box["x"] + 50, box["y"] + box["height"] * 1.5 / len(names))
    assert tab.inner_text("#row") == names[1]
    is_first = "name => document.querySelector('.plot').dataset.curve === name"
    tab.wait_for_function(is_first, arg=names[1])
    assert f"lines={names[1]}" in tab.url
    drag(tab, "#heat", 0.1, 0.4)
    tab.wait_for_url("**from=**")
    tab.wait_for_function("() => document.images[0].naturalWidth < 300")


def dropped(page, slot, name, text):
    """Drop a file, as a hand does."""
    page.evaluate(
        """([slot, name, text]) => {
          const data = new DataTransfer();
          data.items.add(new File([text], name));
          const place = document.querySelector(`.drop[data-slot=${slot}]`);
          const options = {bubbles: true, dataTransfer: data};
          place.dispatchEvent(new DragEvent("drop", options));
        }""",
        [slot, name, text],
    )


def test_masks_are_dropped_and_combined(tab):
    """Two files are dropped, told apart, and their difference downloaded."""
    tab.goto("/masks")
    dropped(tab, "a", "golden.json", '{"297050": [[12, 137]]}')
    tab.wait_for_url("**a=**")
    tab.wait_for_selector("text=golden.json")
    tab.set_input_files(
        "#file-b",
        {"name": "mine.json", "mimeType": "application/json",
         "buffer": b'{"297050": [[12, 140]]}'},
    )  # fmt: skip
    tab.wait_for_url("**b=**")
    tab.wait_for_selector("text=Why they differ")
    assert sentence(tab).startswith("126 lumisections in both, 0 only in golden.json")
    keep(tab, "masks-compared")
    with tab.expect_download() as downloading:
        tab.click("text=in one of them")
    found = LumiMask(Path(downloading.value.path()))
    assert found == LumiMask.from_ranges([(297050, 12, 140)])
    dropped(tab, "a", "<b>x</b>.txt", "no mask")
    tab.wait_for_selector("#problem:not([hidden])")
    assert "<b>x</b>.txt: " in tab.inner_text("#problem")
    # The browser itself tells of the refused file.
    tab.said[:] = [text for text in tab.said if "status of 400" not in text]


def test_copies_are_for_the_logbook(tab):
    """Copy gives the figure's numbers, the sentence and the link."""
    tab.goto("/run/297050")
    tab.click(".panel .copy >> nth=1")
    tab.wait_for_selector("text=Copied")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("**Pileup**: 0 to 40.3797. Run 297050 of fill 5839")
    assert copied.endswith("/run/297050")
    assert f"Receipt {tab.get_attribute('.panel .copy', 'data-receipt')} " in copied
    rich = tab.evaluate(
        """() => navigator.clipboard.read().then(i => i[0].getType("text/html"))
          .then(b => b.text())"""
    )
    assert "data:image/png;base64," in rich
    tab.click("[aria-label='Copy Luminosity for the logbook'][data-table]")
    tab.wait_for_selector("[data-table]:text-is('Copied')")
    copied = tab.evaluate("navigator.clipboard.readText()")
    assert "\n| delivered | 106.148 /pb | 100 % | 793 |" in copied


def test_a_picture_is_for_the_logbook_too(tab):
    """Picture puts a PNG of the figure on the clipboard."""
    tab.goto("/run/297050")
    tab.click(".panel .picture >> nth=1")
    tab.wait_for_selector(".panel .picture:text-is('Copied')")
    kinds = tab.evaluate("navigator.clipboard.read().then(i => i[0].types)")
    assert kinds == ["image/png"]
    content = tab.evaluate(
        """() => navigator.clipboard.read().then(i => i[0].getType("image/png"))
          .then(b => b.arrayBuffer()).then(b => Array.from(new Uint8Array(b)))"""
    )
    assert bytes(content[:8]) == b"\x89PNG\r\n\x1a\n"
    if KEPT:
        (Path(KEPT) / "picture.png").write_bytes(bytes(content))


def test_now_grows_and_shows_an_outage(tab, asker):
    """The run grows by itself; an outage is shown, and goes when it is over."""
    tab.goto("/now")
    assert sentence(tab).startswith("Run 386694 of fill 10210, stable beams, lumi")
    keep(tab, "now-1280")
    tab.wait_for_function(
        "() => document.querySelectorAll('.events .new').length >= 2", timeout=30_000
    )
    asker.is_cut = True
    tab.wait_for_selector("#outage:not([hidden])", timeout=30_000)
    assert "OMS does not answer since" in sentence(tab)
    keep(tab, "now-outage")
    asker.is_cut = False
    tab.wait_for_selector("#outage", state="hidden", timeout=30_000)
    assert "OMS answers again" in tab.inner_text(".events")


def test_a_dashboard_that_is_gone_does_not_look_alive(browser, asker):
    """When the dashboard itself stops answering, the page Now says so."""
    context = browser.new_context()
    page = context.new_page()
    with running(asker, encoders()) as (url, _):
        page.goto(f"{url}/now")
    page.wait_for_selector("#outage:not([hidden])", timeout=30_000)
    told = page.inner_text("#outage")
    context.close()
    assert told.startswith("The dashboard does not answer since")


def test_another_origin_reads_nothing(browser, address):
    """A page of another origin can neither fetch a page nor show a picture."""
    context = browser.new_context()
    page = context.new_page()
    page.goto("data:text/html,<title>elsewhere</title>")
    fetched = page.evaluate(
        "u => fetch(u, {mode: 'no-cors'}).then(r => r.type, e => 'refused')",
        f"{address}/run/297050",
    )
    shown = page.evaluate(
        """u => new Promise(done => {
          const image = new Image();
          image.onload = () => done("shown");
          image.onerror = () => done("refused");
          image.src = u;
        })""",
        f"{address}/trigger/heat.png?run=297050",
    )
    context.close()
    assert (fetched, shown) == ("refused", "refused")


def test_a_stranger_s_name_for_this_machine_is_refused(browser, address):
    """Under another name that leads to this machine, no page is shown."""
    context = browser.new_context()
    page = context.new_page()
    answer = page.goto(f"http://rebound.example:{urlsplit(address).port}/run/297050")
    told = page.inner_text("body")
    context.close()
    assert answer.status == 421
    assert "297050" not in told


@pytest.mark.parametrize(
    "kind", [("run", 297050), ("fill", 5839), ("run", 386694)], ids=str
)
def test_a_report_is_read_offline(browser, asker, tmp_path, kind):
    """A report opens offline, asks for nothing, and prints on two pages."""
    path = tmp_path / "report.html"
    path.write_text(asker.report(*kind).to_html(), encoding="utf-8")
    context = browser.new_context(offline=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    width = page.evaluate("document.documentElement.scrollWidth")
    violations = axe(page)
    keep(page, f"report-{kind[0]}{kind[1]}-390")
    printed = page.pdf(prefer_css_page_size=True)
    context.close()
    assert said == []
    assert asked == [path.as_uri()]
    assert width <= 390
    assert violations == []
    assert printed.count(b"/Type /Page\n") <= 2
