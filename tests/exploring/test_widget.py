"""The widget: what the browser is sent, and how it is looked at in chromium."""

from __future__ import annotations

import base64
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import omskit
from omskit import Client, Table, UsageError

KEPT = os.environ.get("OMSKIT_SCREENSHOTS")
CHROMIUM = os.environ.get("OMSKIT_CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="module")
def lumis():
    """The lumisections of run 297050 of the demo."""
    with Client("demo") as oms:
        return oms.lumisections(297050)


@pytest.fixture
def widget(lumis):
    """The widget of them."""
    pytest.importorskip("anywidget")
    found = omskit.explore(lumis, columns=["pileup"])
    yield found
    found.close()


def test_a_zoom_is_answered_with_its_window(widget):
    """When the browser asks for a window, the numbers of that window are sent."""
    assert widget.head["total"] == 793
    widget.view = [100, 109]
    assert (widget.head["first"], widget.head["pixels"]) == (100, 10)
    values = np.frombuffer(widget.values, np.float32)
    pileup = widget._line.curves[0].values[100:110].astype(np.float32)
    assert values.tolist() == [*pileup.tolist(), *pileup.tolist()]
    widget.view = [0, 792]
    widget.width = 200
    assert widget.head["pixels"] == 200
    widget.view = []
    assert widget.head["last"] == 792


def test_what_is_drawn_is_sent_as_one(widget):
    """Numbers and their head are one value, that no window is drawn with another's."""
    changed = []
    widget.observe(lambda change: changed.append(change["name"]))
    widget.view = [100, 109]
    assert sorted(changed) == ["view", "window"]
    assert widget.window["first"] == 100
    assert base64.b64decode(widget.window["values"]) == widget.values
    assert base64.b64decode(widget.window["states"]) == widget.states
    sent = set(widget.keys) - {"layout", "tabbable", "tooltip"}
    assert {n for n in sent if n[0] != "_"} == {
        "note", "theme", "view", "width", "window"
    }  # fmt: skip


def test_it_is_a_widget_for_notebooks(widget):
    """A notebook is given the widget, with script and style, from nowhere else."""
    bundle = widget._repr_mimebundle_()
    bundle = bundle[0] if isinstance(bundle, tuple) else bundle
    assert "application/vnd.jupyter.widget-view+json" in bundle
    text = widget._esm + widget._css
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "import " not in text
    assert widget.note == "Simulated by the demo: these are no data of CMS."


def test_a_theme_that_is_none(lumis):
    """A theme has one of three names."""
    with pytest.raises(UsageError, match="theme='blue'; it is one of auto, light"):
        omskit.explore(lumis, theme="blue")


PAGE = """<!DOCTYPE html><html lang="en"><title>cell</title><style>%s</style>
<body style="background:%s"><main id="cell" style="width:900px"></main>
<script type="module">
import widget from "data:text/javascript;base64,%s";
const state = window.start, heard = {};
const model = {
  get: (name) => state[name],
  set: (name, value) => { state[name] = value; },
  on: (name, f) => { (heard[name] ??= []).push(f); },
  off: () => {},
  save_changes: async () => {
    // As marimo does: one after the other, and each is told at once.
    const answer = await window.ask(state.view, state.width);
    for (const [name, value] of Object.entries(answer)) {
      state[name] = value;
      for (const f of heard["change:" + name] ?? []) f();
    }
  },
};
widget.render({model, el: document.getElementById("cell")});
</script>"""  # a page


def state_of(widget):
    """What the browser knows of a widget."""
    names = ("window", "view", "width", "note", "theme")
    return {name: getattr(widget, name) for name in names}


def cell(widget, state, paper):
    """A page with the widget on it, as in a cell of a notebook."""
    esm = base64.b64encode(widget._esm.encode()).decode()
    # A notebook sends it beside the page, not in it.
    start = json.dumps(state).replace("<", "\\u003c")
    return f"<script>window.start = {start}</script>" + PAGE % (widget._css, paper, esm)


HOSTILE = '<img src=x onerror="window.obeyed = true"></main><script>obeyed = 1</script>'


@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here")
@pytest.mark.timeout(120)
def test_hostile_names_and_units_are_text_in_a_cell(lumis):
    """Whatever columns, flags, units and notes are called, they are shown as text."""
    driver = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("anywidget")
    names = {"pileup": HOSTILE, "cms_active": f"{HOSTILE} flag"}
    schema = lumis.arrow.schema
    fields = [
        schema.field(n).with_name(names.get(n, n)).with_metadata({"unit": HOSTILE})
        for n in schema.names
    ]
    arrow = lumis.arrow.rename_columns([f.name for f in fields])
    table = Table(arrow.cast(pa.schema(fields, schema.metadata)))
    widget = omskit.explore(table, columns=[HOSTILE])
    state = {**state_of(widget), "note": HOSTILE}
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        tab = browser.new_page()
        tab.expose_function("ask", lambda *_: {})
        tab.set_content(cell(widget, state, "#fff"))
        tab.wait_for_selector(".omskit-explore .line")
        tab.hover(".omskit-explore .area")
        driver.expect(tab.locator(".hover")).to_contain_text(HOSTILE)
        told = tab.inner_text(".omskit-explore")
        assert told.count(HOSTILE) >= 2
        assert tab.locator(".omskit-explore :is(img, script)").count() == 0
        assert tab.evaluate("window.obeyed") is None
        browser.close()
    widget.close()


@pytest.mark.skipif(not CHROMIUM, reason="there is no chromium here")
@pytest.mark.timeout(120)
def test_it_draws_zooms_and_tells_in_a_browser(widget):
    """In chromium panels are drawn, zoomed by hand, told in numbers, light and dark."""
    driver = pytest.importorskip("playwright.sync_api")

    def state():
        return state_of(widget)

    def ask(view, width):
        widget.width = width
        widget.view = view
        return state()

    with driver.sync_playwright() as playwright:
        options = {"executable_path": CHROMIUM, "args": ["--no-sandbox"]}
        browser = playwright.chromium.launch(**options)
        seen = {}
        for name, paper in (("light", "#fff"), ("dark", "#111")):
            tab = browser.new_page(viewport={"width": 1000, "height": 700})
            said = []
            tab.on("console", lambda message, to=said: to.append(message.text))
            tab.on("pageerror", lambda error, to=said: to.append(str(error)))
            tab.expose_function("ask", ask)
            widget.view = [0, 792]
            tab.set_content(cell(widget, state(), paper))
            tab.wait_for_selector(".omskit-explore .line")
            box = tab.locator(".omskit-explore .area").first.bounding_box()
            tab.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 30)
            tab.mouse.down()
            tab.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 30, steps=3)
            tab.mouse.up()
            tab.wait_for_selector(".range:has-text('Double-click')")
            first = widget.head["first"]
            tab.mouse.move(box["x"] + 1, box["y"] + 30)
            told = tab.locator(".hover")
            driver.expect(told).to_contain_text(f"lumisection {first + 1}:")
            seen[name] = (
                first,
                told.inner_text(),
                tab.evaluate(
                    "getComputedStyle(document.querySelector('.omskit-explore'))"
                    ".backgroundColor"
                ),
                said,
            )
            if KEPT:
                Path(KEPT).mkdir(parents=True, exist_ok=True)
                tab.screenshot(path=Path(KEPT) / f"explore-{name}.png")
            tab.keyboard.press("0")
            tab.dblclick(".omskit-explore .area")
            tab.wait_for_selector(".range:has-text('Drag to zoom')")
        browser.close()
    for first, told, _, said in seen.values():
        pileup = widget._line.curves[0].values[first]
        assert abs(first - 198) <= 1
        told_number = f"Run 297050, lumisection {first + 1}: pileup {pileup:.6g}"
        assert told == f"{told_number}; every flag on"
        assert said == []
    colours = (seen["light"][2], seen["dark"][2])
    assert colours == ("rgb(255, 255, 255)", "rgb(21, 24, 28)")
