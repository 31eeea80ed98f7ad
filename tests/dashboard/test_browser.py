"""The dashboard and the report in a real browser: Debian's chromium, driven.

Skipped where there is no chromium, or no playwright to drive it; nothing is downloaded.
With OMSKIT_SCREENSHOTS, a folder, what was seen is kept there.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import os
import re
import shutil
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyarrow.parquet as pq
import pytest

from omskit import LumiMask
from omskit.dashboard import Asker, running
from omskit.dashboard.playing import PlayedClient
from omskit.errors import TransportError

driver = pytest.importorskip("playwright.sync_api")
expect = driver.expect
PATIENCE_MS = 60_000
RARELY_S = 3600.0
expect.set_options(timeout=PATIENCE_MS)
# Read here, as tests run without the variables of whoever starts them.
KEPT = os.environ.get("OMSKIT_SCREENSHOTS")
# How much slower the processor is for pages, as 6, to see what a busy machine does.
SLOWER = os.environ.get("OMSKIT_BROWSER_SLOWER")
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


class Staged(Asker):
    """An asker of the demo, whose time the tests turn and whose service they cut."""

    is_cut = False
    passed_s = 0.0

    def __init__(self):
        self.played = PlayedClient(START, now=lambda: self.passed_s)
        super().__init__(self.played, now=self.played.clock.moment)

    def newest_run(self, **options):
        if self.is_cut:
            message = "connection refused"
            raise TransportError(message)
        return super().newest_run(**options)


@pytest.fixture(scope="module")
def asker():
    """Who asks the demo, whose run 386694 is going on."""
    found = Staged()
    with found.played:
        yield found


@pytest.fixture(scope="module")
def dashboard(asker):
    """The dashboard: where it is, and who watches the run, when a test says so."""
    with running(asker, every_s=RARELY_S) as (url, watcher):
        watcher.look()
        yield url, watcher


@pytest.fixture(scope="module")
def address(dashboard):
    """Where the dashboard is."""
    return dashboard[0]


@pytest.fixture(scope="module")
def browser():
    """Chromium."""
    with driver.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()


@pytest.fixture(scope="module")
def window(browser, address):
    """A window of the browser, whose tabs may use the clipboard."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, base_url=address
    )
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    return context


@pytest.fixture(scope="module")
def telephone(browser, address):
    """A window of 390 pixels, in the dark."""
    return browser.new_context(
        viewport={"width": 390, "height": 800}, color_scheme="dark", base_url=address
    )


@pytest.fixture
def tab(window, address):
    """A tab, in which nothing may be said on the console, nor asked of others."""
    page = opened(window)
    page.said, page.asked = [], []
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("request", lambda request: page.asked.append(request.url))
    yield page
    page.close()
    assert page.said == []
    others = [u for u in page.asked if not u.startswith((address, "data:", "blob:"))]
    assert others == []


def opened(context):
    """A new tab; what is waited for may take its time on a busy machine."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    if SLOWER:
        session = context.new_cdp_session(page)
        session.send("Emulation.setCPUThrottlingRate", {"rate": float(SLOWER)})
    return page


def wait(page, is_so):
    """Wait until something is so that the page itself cannot tell."""
    for _ in range(PATIENCE_MS // 20):
        if is_so():
            return
        page.wait_for_timeout(20)
    pytest.fail("It did not become so.")


def keep(page, name):
    """Keep what is seen, where the build wants it."""
    if KEPT:
        Path(KEPT).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(KEPT) / f"{name}.png", full_page=True)


def begins(words):
    """A text that begins so, as `expect` wants it."""
    return re.compile("^" + re.escape(words))


def drag(page, selector, first, last):
    """Drag over a figure, from one part of its width to another."""
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + first * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + last * box["width"], y, steps=4)
    page.mouse.up()


def axe(page):
    """What axe-core finds, serious or worse; nothing where it is not installed."""
    package = pytest.importorskip("axe_playwright_python")
    script = Path(package.__file__).with_name("axe.min.js")
    # The page Now is not exchanged while it is looked through.
    page.evaluate("document.getElementById('now')?.remove()")
    page.evaluate(script.read_text(encoding="utf-8") + "; 0")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (v["id"], [n["html"][:120] for n in v["nodes"][:3]])
        for v in found["violations"]
        if v["impact"] in SERIOUS
    ]


@pytest.mark.parametrize("name", PAGES)
def test_pages_open(tab, name):
    """Every page opens by its link, and axe finds nothing serious."""
    tab.goto(PAGES[name])
    expect(tab.locator("#sentence")).to_have_text(re.compile(r"\.$"))
    keep(tab, f"{name}-1280")
    violations = axe(tab)
    assert violations == []


@pytest.mark.parametrize("name", PAGES)
def test_pages_fit_a_telephone_in_the_dark(telephone, name):
    """At 390 pixels and in the dark a page is not wider than the window."""
    page = opened(telephone)
    page.goto(PAGES[name])
    width = page.evaluate("document.documentElement.scrollWidth")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    keep(page, f"{name}-390-dark")
    violations = axe(page)
    page.close()
    assert width <= 390
    assert colour == "rgb(21, 24, 28)"
    assert violations == []


def test_a_drag_zooms_and_the_link_is_the_view(tab, browser):
    """Dragging zooms all figures; the address gives another browser the same view."""
    tab.goto("/run/297050")
    drag(tab, "#plots .plot .area", 0.25, 0.5)
    tab.wait_for_url("**from=**")
    given = parse_qs(urlsplit(tab.url).query)
    first, last = int(given["from"][0]), int(given["to"][0])
    assert abs(first - 198) <= 2
    assert abs(last - 396) <= 2
    span = f"297050:{first + 1} to 297050:{last + 1}"
    words = f"{last - first + 1} lumisections, {span}"
    expect(tab.locator(".range span")).to_have_text(words)
    other = browser.new_context()
    page = opened(other)
    page.goto(tab.url)
    # The pointer of the other one is over no lumisection.
    tab.mouse.move(0, 0)
    tab.reload()
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
    expect(tab.locator("#plots")).to_have_attribute("data-view", begins("0.2"))
    a, b = map(float, tab.get_attribute("#plots", "data-view").split())
    assert (round(a, 1), round(b, 1)) == (0.2, 0.5)
    scaled = f"{1000 * a} 0 {1000 * (b - a)} 100"
    assert tab.get_attribute("#plots .plot svg", "viewBox").startswith(scaled[:6])
    box = tab.locator("#plots .plot .area").first.bounding_box()
    tab.mouse.move(box["x"] + 1, box["y"] + 20)
    slot = int(a * 793)
    told = begins(f"Run 297050, lumisection {slot + 1}:")
    expect(tab.locator("#hover")).to_have_text(told)
    wait(tab, lambda: held)
    held[0].continue_()
    tab.wait_for_selector("#reset")
    expect(tab.locator("#hover")).to_have_text(told)
    tab.unroute("**/run/297050?from=**")
    tab.focus("#plots")
    tab.keyboard.press("Shift+ArrowRight")
    tab.wait_for_function("n => !location.search.includes(`from=${n}&`)", arg=slot)
    tab.wait_for_selector("#plots:not(.scaled)")
    expect(tab.locator("#plots")).to_be_focused()
    first = int(parse_qs(urlsplit(tab.url).query)["from"][0])
    assert first > slot
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, 4000)
    tab.keyboard.up("Control")
    tab.wait_for_selector("#reset", state="detached")
    assert tab.url.endswith("/run/297050")


def test_hover_and_keys_tell_the_numbers(tab, asker):
    """The lumisection under the pointer, or chosen with keys, is told in numbers."""
    row = asker.report("run", 297050).lumisections.to_records()[100]
    tab.goto("/run/297050")
    box = tab.locator("#plots .plot .area").first.bounding_box()
    tab.mouse.move(box["x"] + box["width"] * (100.5 / 793), box["y"] + 20)
    told = tab.locator("#hover")
    expect(told).to_have_text(begins("Run 297050, lumisection 101:"))
    expect(told).to_contain_text(f"Pileup {row['pileup']:.6g};")
    expect(told).to_have_text(re.compile("every flag on$"))
    tab.focus("#plots")
    tab.keyboard.press("ArrowRight")
    expect(told).to_have_text(begins("Run 297050, lumisection 102:"))


def test_a_drag_outlives_the_answer_to_the_one_before(tab):
    """A drag that is begun before the server has answered the last one goes on."""
    tab.goto("/run/297050")
    held = []
    tab.route("**/run/297050?from=**", lambda route: held.append(route))  # noqa: PLW0108  # the driver marks it
    drag(tab, "#plots .plot .area", 0.2, 0.8)
    wait(tab, lambda: held)
    box = tab.locator("#plots .plot .area").first.bounding_box()
    y = box["y"] + 20
    tab.mouse.move(box["x"] + 0.25 * box["width"], y)
    tab.mouse.down()
    held[0].continue_()
    tab.wait_for_selector("#reset")
    tab.unroute("**/run/297050?from=**")
    tab.mouse.move(box["x"] + 0.75 * box["width"], y, steps=2)
    tab.mouse.up()
    words = re.compile(r"^2(3[789]|4[01]) lumisections, 297050:27\d to ")
    expect(tab.locator(".range span")).to_have_text(words)


def test_a_click_says_why(tab):
    """A click on a lumisection gives its verdict."""
    tab.goto("/run/297050")
    drag(tab, "#plots .plot .area", 790.5 / 793, 790.5 / 793)
    expect(tab.locator("#verdict")).to_contain_text("lumisection 791: bad.")
    assert "at=790" in tab.url


def test_states_are_links(tab):
    """Stable beams are one click away."""
    tab.goto("/run/297050")
    tab.click(".choices a:text-is('stable beams')")
    chosen = tab.locator(".choices a[aria-current]")
    expect(chosen).to_have_text("stable beams")
    assert "states=stable" in tab.url
    data = json.loads(tab.text_content("#hover-data"))
    assert data["curves"][0]["values"][-1] is None


def test_ask_by_typing(tab, asker):
    """A question is typed, fields are chosen by a click, and rows read back."""
    tab.goto("/ask")
    tab.fill("input[name=resource]", "runs")
    tab.fill("input[name=runs]", "297047-297050")
    fields = tab.locator("#fields")
    fields.fill("")
    fields.press_sequentially("run_number,l1_rat")
    expect(tab.locator("#names li").first).to_contain_text("l1_rate")
    expect(fields).to_have_attribute("aria-expanded", "true")
    tab.keyboard.press("ArrowDown")
    expect(tab.locator("#names [aria-selected=true]")).to_contain_text("l1_rate")
    tab.keyboard.press("Enter")
    expect(fields).to_have_value("run_number,l1_rate")
    conditions = tab.locator("textarea[name=where]")
    conditions.press_sequentially("l1_rate > 1\nend_t")
    tab.click("#names li:has-text('end_time')")
    expect(conditions).to_have_value("l1_rate > 1\nend_time")
    expect(tab.locator("#names")).to_have_count(0)
    conditions.press_sequentially(" != null")
    expect(tab.locator("#names")).to_have_count(0)
    fields.fill("")
    tab.click("form#ask button")
    tab.click("details.fields summary")
    tab.click("button[data-field=run_number]")
    tab.click("button[data-field=l1_rate]")
    expect(fields).to_have_value("run_number,l1_rate")
    tab.click("form#ask button")
    first = tab.locator("#sentence")
    expect(first).to_have_text("4 rows of runs, 2 columns.")
    with tab.expect_download() as downloading:
        tab.click("a:text-is('parquet')")
    table = pq.read_table(downloading.value.path())
    wanted = asker.client.runs((297047, 297050), fields=["run_number", "l1_rate"])
    assert table.equals(wanted.arrow)
    copied = copy(tab, "[data-from=python]")
    names = {}
    exec(copied, names)
    assert names["table"].arrow.equals(wanted.arrow)


def test_the_heat_map_is_clicked_and_zoomed(tab):
    """A click on a row of the heat map draws its path; a drag zooms."""
    tab.goto(PAGES["trigger"])
    names = json.loads(tab.text_content("#heat-names"))
    box = tab.locator("#heat").bounding_box()
    tab.mouse.click(box["x"] + 50, box["y"] + box["height"] * 1.5 / len(names))
    drawn = tab.locator(".plot").first
    expect(drawn).to_have_attribute("data-curve", names[1])
    # The pointer is still over the row, and the page that was exchanged says so.
    expect(tab.locator("#row")).to_have_text(names[1])
    assert f"lines={names[1]}" in tab.url
    drag(tab, "#heat", 0.1, 0.4)
    tab.wait_for_selector("#reset")
    tab.wait_for_function("() => 0 < document.images[0].naturalWidth < 300")


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
    tab.wait_for_selector("text=golden.json")
    tab.set_input_files(
        "#file-b",
        {"name": "mine.json", "mimeType": "application/json",
         "buffer": b'{"297050": [[12, 140]]}'},
    )  # fmt: skip
    tab.wait_for_selector("text=Why they differ")
    told = begins("126 lumisections in both, 0 only in golden.json")
    expect(tab.locator("#sentence")).to_have_text(told)
    keep(tab, "masks-compared")
    with tab.expect_download() as downloading:
        tab.click("text=in one of them")
    found = LumiMask(Path(downloading.value.path()))
    assert found == LumiMask.from_ranges([(297050, 12, 140)])
    dropped(tab, "a", "<b>x</b>.txt", "no mask")
    expect(tab.locator("#problem")).to_contain_text("<b>x</b>.txt: ")
    # The browser itself tells of the refused file.
    wait(tab, lambda: any("status of 400" in text for text in tab.said))
    tab.said[:] = [text for text in tab.said if "status of 400" not in text]


def copy(page, selector, kind="text/plain"):
    """Press a button, wait until it says that it has copied, and read what."""
    button = page.locator(selector)
    # What it said of the time before is no answer to this one.
    button.evaluate("button => { delete button.dataset.said; }")
    button.click()
    expect(button).to_have_attribute("data-said", "Copied")
    found = page.evaluate(READ, kind)
    return base64.b64decode(found.partition(",")[2])


READ = """kind => navigator.clipboard.read().then(i => i[0].getType(kind))
  .then(blob => new Promise(done => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.readAsDataURL(blob);
  }))"""


def test_copies_are_for_the_logbook(tab):
    """Copy gives the figure's numbers, the sentence and the link."""
    tab.goto("/run/297050")
    copied = copy(tab, "[aria-label='Copy Pileup for the logbook']").decode()
    assert copied.startswith("**Pileup**: 0 to 40.3797. Run 297050 of fill 5839")
    assert copied.endswith("/run/297050")
    receipt = tab.locator(".panel .copy").first.get_attribute("data-receipt")
    assert f"Receipt {receipt} " in copied
    rich = copy(tab, "[aria-label='Copy Pileup for the logbook']", "text/html")
    assert b"data:image/png;base64," in rich
    ledger = "[aria-label='Copy Luminosity for the logbook'][data-table]"
    copied = copy(tab, ledger).decode()
    assert "\n| delivered | 106.148 /pb | 100 % | 793 |" in copied


@pytest.mark.parametrize(
    ("page", "button", "size"),
    [
        ("run", "Copy a picture of Pileup", (2000, 532)),
        ("trigger", "Copy a picture of the heat map", (2000, 1032)),
    ],
)
def test_a_picture_is_for_the_logbook_too(tab, page, button, size):
    """Picture puts a PNG of the figure on the clipboard, with what is drawn in it."""
    image = pytest.importorskip("PIL.Image")
    tab.goto(PAGES[page])
    content = copy(tab, f"[aria-label='{button}']", "image/png")
    with image.open(io.BytesIO(content)) as picture:
        assert picture.size == size
        # Within the axes, below the title: a curve, or the colours of rates.
        drawn = picture.convert("RGB").crop((210, 90, 1970, 360)).getcolors(1 << 20)
    assert len(drawn) > 4
    kinds = tab.evaluate("navigator.clipboard.read().then(i => i[0].types)")
    assert kinds == ["image/png"]
    if KEPT:
        (Path(KEPT) / f"picture-{page}.png").write_bytes(content)


def look_again(page):
    """Let five seconds pass, after which the page Now looks again."""
    page.clock.fast_forward(5000)


def test_now_grows_and_shows_an_outage(tab, asker, dashboard):
    """The run grows by itself; an outage is shown, and goes when it is over."""
    _, watcher = dashboard
    tab.clock.install()
    tab.goto("/now")
    first = tab.locator("#sentence")
    words = "Run 386694 of fill 10210, stable beams, lumi"
    expect(first).to_have_text(begins(words))
    keep(tab, "now-1280")
    for _ in range(2):
        asker.passed_s += 25
        watcher.look()
    look_again(tab)
    grown = tab.locator(".events .new:has-text('new: 1 lumisection')")
    expect(grown).to_have_count(2)
    asker.is_cut = True
    watcher.look()
    look_again(tab)
    expect(tab.locator("#outage")).to_be_visible()
    expect(first).to_contain_text("OMS does not answer since")
    keep(tab, "now-outage")
    asker.is_cut = False
    watcher.look()
    look_again(tab)
    expect(tab.locator("#outage")).to_be_hidden()
    expect(tab.locator(".events").first).to_contain_text("OMS answers again")


def test_a_dashboard_that_is_gone_does_not_look_alive(browser, asker):
    """When the dashboard itself stops answering, the page Now says so."""
    context = browser.new_context()
    page = opened(context)
    page.clock.install()
    with running(asker, every_s=RARELY_S) as (url, _):
        page.goto(f"{url}/now")
    look_again(page)
    told = page.locator("#outage")
    expect(told).to_have_text(begins("The dashboard does not answer since"))
    context.close()


def test_another_origin_reads_nothing(browser, address):
    """A page of another origin can neither fetch a page nor show a picture."""
    context = browser.new_context()
    page = opened(context)
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
    page = opened(context)
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
    page = opened(context)
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
