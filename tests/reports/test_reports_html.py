"""Reports as HTML and Markdown: whole, self-contained, and never obeyed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from tests.support.amount import examples
from tests.support.htmlpage import Page

from omskit.reports import Fact
from omskit.reports.drawing import draw, marks_of
from omskit.reports.html import SIMULATED
from omskit.reports.markdown import plain
from omskit.reports.model import MaskAgreement, Outlier, Span
from omskit.reports.rows import ledger_rows
from omskit.reports.timeline import Curve
from omskit.table import Table

MEGABYTE = 1_000_000


def test_the_page_refers_to_nothing(of_run, of_fill):
    """A page has no address of another file, and no request is allowed."""
    for report in (of_run, of_fill):
        page = Page(report.to_html())
        names = {name for name, _ in page.attributes}
        assert not names & {"src", "href", "srcset", "action", "data", "xlink:href"}
        assert not set(page.tags) & {"link", "img", "iframe", "object", "base"}
        style = re.search(r"<style>(.*?)</style>", report.to_html(), re.DOTALL)[1]
        assert "url(" not in style
        assert "@import" not in style
        contents = [value for name, value in page.attributes if name == "content"]
        assert any(c.startswith("default-src 'none';") for c in contents)


def test_pages_are_small(of_run, of_fill):
    """A page has less than a megabyte."""
    assert max(len(r.to_html()) for r in (of_run, of_fill)) < MEGABYTE


def test_the_first_line_is_the_sentence(of_run):
    """The sentence is the first thing to read, in both ways."""
    page = Page(of_run.to_html().split("<body", 1)[1])
    first = next(t.strip() for t in page.texts if len(t.strip()) > 30)
    assert first == of_run.sentence
    assert of_run.to_markdown().splitlines()[2] == f"**{plain(of_run.sentence)}**"


def test_simulated_data_is_said(of_run):
    """A report of simulated data says so at its top and at its end."""
    assert of_run.to_html().count(SIMULATED) == 2
    assert of_run.to_markdown().count(SIMULATED) == 2
    real = dataclasses.replace(of_run, simulated=False)
    assert SIMULATED not in real.to_html()
    assert SIMULATED not in real.to_markdown()


def test_both_say_the_same_numbers(of_run):
    """Every fact and every line of the ledger is in the HTML and in the Markdown."""
    texts = " ".join(Page(of_run.to_html()).texts)
    markdown = of_run.to_markdown()
    for fact in of_run.facts:
        assert fact.text in texts
        assert plain(fact.text) in markdown
    for entry in of_run.ledger.entries:
        if entry.lumi_pb > 0.001:
            assert f"{entry.lumi_pb:.3f} /pb" in texts
            assert f"{entry.lumi_pb:.3f} /pb" in markdown


def test_the_markdown_renders(of_run):
    """Markdown's tables are tables: every row has as many cells as its head."""
    lines = of_run.to_markdown().splitlines()
    tables = [i for i, line in enumerate(lines) if line.startswith("|---")]
    assert len(tables) >= 3
    for at in tables:
        cells = lines[at].count("|")
        rows = [lines[at - 1]]
        for line in lines[at + 1 :]:
            if not line.startswith("|"):
                break
            rows.append(line)
        assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {cells}


def rendered(text):
    """Markdown as a logbook shows it."""
    return Page(MarkdownIt("commonmark").enable("table").render(text))


def test_a_logbook_shows_the_markdown(of_run, of_fill):
    """Rendered, the Markdown has the title, the sentence, and tables cell by cell."""
    for report in (of_run, of_fill):
        text = report.to_markdown()
        page = rendered(text)
        heads = [line for line in text.splitlines() if line.startswith("|---")]
        assert page.tags.count("table") == len(heads) >= 3
        assert page.tags[0] == "h1"
        shown = " ".join(page.texts)
        assert report.sentence in shown
        assert "|" not in shown
        assert "**" not in shown
        for row in ledger_rows(report):
            cells = {text.replace("\N{NARROW NO-BREAK SPACE}", " ") for text in row}
            assert cells <= set(page.texts)


HOSTILE = st.one_of(
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            "</script><img src=x onerror=alert(1)>",
            "'\"><b onmouseover=alert(1)>x</b>",
            "{{ 7 * 7 }}",
            "[x](javascript:alert(1))",
            "| a | b |\n|---|---|",
            "`x`\n# head",
            "&lt;b&gt;",
        ]
    ),
    st.text(min_size=1, max_size=40),
)


SCRIPTS = 2
"""Of a report: the numbers, and what tells them."""


@pytest.fixture(scope="module")
def usual(of_run):
    """Tags and attributes of the report as it is: of its page, and of its Markdown."""
    page, told = Page(of_run.to_html()), rendered(of_run.to_markdown())
    tags = set(page.tags) | {"details"}
    return tags, {n for n, _ in page.attributes}, set(told.tags) | {"h3", "br"}


@settings(max_examples=examples(40))
@given(HOSTILE)
def test_hostile_names_are_text(of_run, usual, words):
    """Names, units, paths and notes are shown as text, whatever they hold."""
    runs = of_run.runs.arrow
    at = runs.column_names.index("l1_rate")
    runs = runs.set_column(at, pa.field("l1_rate", pa.string()), pa.array([words]))
    hostile = dataclasses.replace(
        of_run,
        sentence=words,
        facts=(Fact(words, words, words, words),),
        runs=of_run.runs.part(runs),
        spans=(Span(words, "off", ((1, 1, 1),), 1),),
        agreements=(MaskAgreement(words, 1, 1, 1.0, (words,)),),
        outliers=(Outlier(words, 1, 1, 1, 1, 1.0),),
        notes=(words,),
        receipts=tuple(
            dataclasses.replace(r, service=words, urls=(words,), resource=words)
            for r in of_run.receipts
        ),
    )
    tags, attributes, tags_of_markdown = usual
    page = Page(hostile.to_html())
    assert set(page.tags) <= tags
    assert page.tags.count("script") == SCRIPTS
    assert {n for n, _ in page.attributes} <= attributes
    # A parser of HTML reads a null and a carriage return otherwise.
    if not re.search(r"[\x00\r]", words):
        assert words in page.texts
    for line in hostile.to_markdown().splitlines():
        assert not re.search(r"(?<!\\)<", line)
    told = rendered(hostile.to_markdown())
    assert set(told.tags) <= tags_of_markdown


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (0, 1e-12), (-3, 5), (1e9, 1e9), (0, 7698.4)]
)
def test_marks_hold_all_values(low, high):
    """Labels of an axis are few, ascend, and hold the values between them."""
    marks = marks_of(low, high)
    assert 2 <= len(marks) <= 7
    assert marks == sorted(set(marks))
    assert marks[0] <= low
    assert marks[-1] >= high - 1e-9 * abs(high)


def test_long_curves_are_bands(demo):
    """A long curve is drawn as the band of its lowest and highest values."""
    import numpy as np

    values = np.sin(np.arange(5000))
    drawn = draw(Curve("sine", None, values))
    assert drawn.path == ""
    assert drawn.band.count("L") < 2500
    assert draw(Curve("none", None, np.full(3, np.nan))).span == "no value"


def downtimes():
    """What OMS might list for a run."""
    names = ["start_time", "duration", "lost_lumi", "subsystem", "category"]
    start = dt.datetime(2017, 6, 16, 21, 0, 0, tzinfo=dt.UTC)
    rows = [[start, start], [600, None], [1.5, None], ["PIXEL", None], [None, None]]
    table = pa.table(rows, names=names)
    unit = table.schema.field("lost_lumi").with_metadata({"unit": "/pb"})
    return Table(table.set_column(2, unit, table.column(2)))


def test_downtimes_are_listed(of_run):
    """Downtimes are told with what is known of them."""
    report = dataclasses.replace(of_run, downtimes=(downtimes(),))
    texts = " ".join(Page(report.to_html()).texts)
    assert "1.500 /pb" in texts
    assert "10 min" in texts
    assert "no cause given" in texts
    line = "| 2017-06-16 21:00:00 UTC | 10 min | 1.500 /pb | PIXEL |"
    assert line in report.to_markdown()


def test_parts_notes_and_outliers_are_in_both(of_fill):
    """Parts that were off, notes of the ledger and outliers are told in both."""
    ledger = dataclasses.replace(of_fill.ledger, notes=("one note",))
    report = dataclasses.replace(
        of_fill,
        ledger=ledger,
        outliers=(Outlier("HLT_X_v1", 297050, 3, 5, 7, 90.0),),
        gaps=((297050, 8, 9),),
    )
    texts = " ".join(Page(report.to_html()).texts)
    markdown = report.to_markdown()
    for words in ("13.305 /pb", "one note", "297050:8", "297050:3"):
        assert words in texts
        assert words in markdown
    assert plain("HLT_X_v1") in markdown


def test_a_notebook_shows_a_report(of_run):
    """In a notebook a report is its body, without style and script."""
    shown = of_run._repr_html_()
    assert of_run.sentence in shown
    assert "<script" not in shown
    assert "<style" not in shown


def test_a_report_without_runs_says_so(of_run):
    """What is empty in Markdown is told and is no table."""
    none = of_run.runs.part(of_run.runs.arrow.slice(0, 0))
    report = dataclasses.replace(of_run, runs=none, spans=(), ledger=None)
    markdown = report.to_markdown()
    assert "## Runs\n\nNone." in markdown
    assert "No luminosity was delivered." in markdown
    assert "Every flag was on in every lumisection." in markdown
