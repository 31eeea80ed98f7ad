"""The pages of the dashboard, each asked by its address."""

from __future__ import annotations

import datetime as dt
import io
import json
import re
from urllib.parse import quote, urlencode

import pyarrow.parquet as pq
import pytest

from omskit import LumiMask
from omskit.cli.app import run
from omskit.dashboard import Asker
from omskit.dashboard.asking import size_of
from omskit.dashboard.heat import cube_of

PATHS = [
    "/now",
    "/run/297050",
    "/fill/5839",
    "/trigger?run=297050&pattern=HLT_IsoMu*",
    "/masks",
    "/ask",
    "/ask?resource=runs&runs=297050",
]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_begins_with_a_sentence(visitor, path, page_of):
    """The first text of each page is a sentence, and nothing comes from elsewhere."""
    answer = visitor.get(path)
    assert answer.status == 200
    page = page_of(answer.text.split("<body>", 1)[1])
    first = next(t.strip() for t in page.texts if t.strip())
    assert first.endswith(".")
    assert not re.findall(r'(?:src|href)="(?:https?:|//)', answer.text)


@pytest.mark.parametrize(
    ("path", "place"),
    [("/", "/now"), ("/run", "/run/386694"), ("/fill", "/fill/10210"),
     ("/go?number=297050", "/run/297050"), ("/go?number=5839", "/fill/5839")],
)  # fmt: skip
def test_addresses_that_lead_on(visitor, path, place):
    """Short addresses lead to the page of the newest, or of the number."""
    answer = visitor.get(path)
    assert (answer.status, answer.headers["location"]) == (307, place)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/run/1", 404, "There is no run 1."),
        ("/fill/1", 404, "There is no fill 1."),
        ("/nothing", 404, "There is no such page."),
        ("/static/../app.py", 404, "There is no such page."),
        ("/static/app.py", 404, "There is no such page."),
        ("/run/297050?from=x", 400, "is no whole number"),
        ("/run/297050?from=9&to=3", 400, "leave nothing to show"),
        ("/run/297050?states=in", 400, "Drop a certification file"),
        ("/run/297050?states=other", 400, "none of all, stable"),
        ("/trigger?run=297050&value=unprescaled", 400, "does not know the rates"),
        ("/trigger/heat.png?run=1&kind=x", 400, "none of hlt, l1"),
        ("/masks?a=0123", 400, "is not here any more"),
        ("/masks/result.json?op=and", 400, "needs two files"),
        ("/ask?resource=nosuch", 400, "nosuch"),
        ("/ask?resource=runs&fields=l1_rat", 400, "l1_rat"),
        ("/ask.xyz?resource=runs", 404, "There is no such page."),
        ("/ask.csv?resource=nosuch", 400, "nosuch"),
        ("/go?number=x", 400, "is no whole number"),
        ("/go", 400, "Type the number"),
        ("/run/297050/nothing.csv", 404, "There is no such page."),
        ("/era/297050/runs.csv", 404, "There is no such page."),
        ("/run/1/runs.csv", 404, "There is no run 1."),
    ],
)
def test_what_is_wrong_is_the_first_line(visitor, path, status, words):
    """An address that cannot be shown is told by a sentence that says why."""
    answer = visitor.get(path)
    sentence = re.search(r'id="sentence">(.*?)</p>', answer.text)[1]
    assert (answer.status, words in sentence) == (status, True), sentence


NOW = dt.datetime(2017, 6, 17, 3, tzinfo=dt.UTC)
"""Less than an hour after the end of run 297051."""


def read(text):
    """The numbers of the figures of a page."""
    return json.loads(re.search(r'id="hover-data">(.*?)</script>', text)[1])


def hover(visitor, path):
    """The numbers of the figures at an address."""
    return read(visitor.get(path).text)


def test_a_zoom_shows_those_lumisections(visitor, demo):
    """From and to are the whole state of the zoom."""
    text = visitor.get("/run/297050?from=99&to=198").text
    assert "100 lumisections, 297050:100 to 297050:199" in text
    data = read(text)
    assert data["ls"] == list(range(100, 200))
    pileup = demo.lumisections(297050)["pileup"].to_pylist()[99:199]
    curve = next(c for c in data["curves"] if c["name"] == "Pileup")
    assert curve["values"] == pytest.approx(pileup, rel=1e-5)


def test_states_blank_the_others(visitor):
    """In stable beams only, lumisections without them have no value."""
    text = visitor.get("/run/297050?states=stable").text
    data = read(text)
    values = data["curves"][0]["values"]
    assert [v is None for v in values] == [False] * 776 + [True] * 17


def test_a_mask_is_a_state(visitor):
    """Good in a mask and outside it are the lumisections that it holds or not."""
    content = b'{"297050": [[1, 10]]}'
    key = visitor.post("/masks/file?name=g.json", content, x_omskit="1")
    for state, wanted in (("in", 10), ("out", 783)):
        text = visitor.get(f"/run/297050?states={state}&mask={key.text}").text
        data = read(text)
        assert sum(v is not None for v in data["curves"][0]["values"]) == wanted


def test_every_figure_has_states(visitor, demo):
    """The heat map, lines, means and the page Now are seen in a state as well."""
    whole = visitor.get("/trigger?run=297050&pattern=HLT_ZeroBias_v*").text
    stable = "/trigger?run=297050&pattern=HLT_ZeroBias_v*&states=stable"
    assert hover(visitor, stable)["curves"][0]["values"][780] is None
    assert "states=stable" in whole
    assert visitor.get(stable).text.count("<td") == whole.count("<td")
    heat = "/trigger/heat.png?run=297050&pattern=HLT_ZeroBias_v*"
    usual, blank = (visitor.get(heat + s).body for s in ("", "&states=stable"))
    assert usual != blank
    reference = visitor.get(stable + "&ref=297056").text
    assert "over run 297056" in reference
    now = hover(visitor, "/now?states=stable")
    held = demo.lumisections(
        now["run"][0], fields=["lumisection_number", "beams_stable"]
    ).to_records()
    stable = {row["lumisection_number"] for row in held if row["beams_stable"]}
    pileup = next(c for c in now["curves"] if c["name"] == "Pileup")["values"]
    pairs = zip(now["ls"], pileup, strict=True)
    assert {n for n, value in pairs if value is not None} <= stable


def test_hlt_rates_and_prescale_columns_are_shown(visitor, demo):
    """A run shows the summed rate of the streams of physics, and columns by name."""
    shown = {c["name"]: c for c in hover(visitor, "/run/297050")["curves"]}
    streams = demo.query("streams", 297050, where='stream_name ~ "Physics%"').fetch()
    sums = {}
    for row in streams.to_records():
        at = row["first_lumisection_number"] - 1
        sums[at] = sums.get(at, 0) + row["rate"]
    values = shown["HLT physics rate"]["values"]
    assert values[100] == pytest.approx(sums[100], rel=1e-5)
    assert values[790] is None
    names = [text for _, _, text in shown["Prescale column"]["called"]]
    assert names == ["6: Pixels1200b", "7: 7.5e33", "8: 6.0e33"]
    assert "6: Pixels1200b, 7: 7.5e33" in visitor.get("/run/297050").text


def test_a_lumisection_has_its_verdict(visitor):
    """The lumisection that an address names is told why it is good or not."""
    text = visitor.get("/run/297050?at=790").text
    assert "Run 297050, lumisection 791: bad." in text
    assert 'id="verdict"' not in visitor.get("/run/297050?from=1&to=5&at=790").text


@pytest.mark.parametrize("form", ["csv", "json", "jsonl", "parquet"])
def test_downloads_are_what_the_command_writes(visitor, form, tmp_path, monkeypatch):
    """A download has the bytes that ``oms get`` writes for the same question."""
    monkeypatch.setenv("OMSKIT_INSTANCE", "demo")
    asked = {"resource": "runs", "runs": "297050-297056"}
    asked["fields"] = "run_number,l1_rate"
    answer = visitor.get(f"/ask.{form}?{urlencode(asked)}")
    path = tmp_path / f"rows.{form}"
    fields = ["--fields", asked["fields"]]
    assert run(["get", "runs", asked["runs"], *fields, "-o", str(path), "-q"]) == 0
    if form == "parquet":
        # The receipt in it says when.
        assert pq.read_table(io.BytesIO(answer.body)).equals(pq.read_table(path))
    else:
        assert answer.body == path.read_bytes()
    assert "attachment" in answer.headers["content-disposition"]


def test_ask_says_the_same_in_python_and_on_the_command_line(
    visitor, demo, monkeypatch, capsys
):
    """The program and the command on the page give the rows of the page."""
    import html
    import shlex

    asked = {
        "resource": "runs",
        "runs": "297046-297050",
        "fields": "run_number,l1_rate",
        "where": "l1_rate > 1000\nrun_number < 297050",
        "sort": "-run_number",
        "limit": "2",
    }
    text = visitor.get(f"/ask?{urlencode(asked)}").text
    found = {
        name: html.unescape(re.search(rf'id="{name}">(.*?)</code>', text, re.DOTALL)[1])
        for name in ("python", "command")
    }
    names = {}
    exec(found["python"], names)
    assert names["table"]["run_number"].to_pylist() == [297049, 297048]
    command = shlex.split(found["command"])
    assert run([*command[1:], "--format", "json", "--quiet"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == names["table"].to_records()


def test_rows_of_a_run_are_the_client_s(visitor, demo):
    """The rows below a run are the lumisections of the client."""
    body = visitor.get("/run/297050/lumisections.parquet").body
    found = pq.read_table(io.BytesIO(body))
    lumis = demo.lumisections(297050).arrow.select(found.column_names)
    assert found.equals(lumis)


def test_reports_to_keep(visitor):
    """The report of the page can be kept as HTML and as Markdown."""
    assert visitor.get("/run/297050/report.html").text.startswith("<!DOCTYPE html>")
    assert visitor.get("/fill/5839/report.md").text.startswith("# Fill 5839")


def test_the_trigger_page(visitor):
    """Paths are found by pattern, with means, lines, and ratios to another run."""
    path = "/trigger?run=297049&pattern=HLT_IsoMu*&ref=297048&lines=HLT_IsoMu27_v8"
    text = visitor.get(path).text
    assert "Run 297049: " in text
    assert "over run 297048" in text
    assert 'data-curve="HLT_IsoMu27_v8"' in text
    assert text.count('class="plot"') == 1
    picture = visitor.get("/trigger/heat.png?run=297049&pattern=HLT_IsoMu*&from=1&to=9")
    assert picture.headers["content-type"] == "image/png"


def test_l1_before_prescales(visitor):
    """L1 algorithms are shown as counted, and before prescales."""
    asked = "/trigger?run=297049&kind=l1&pattern=L1_ZeroBias*&value="
    counted, before = (visitor.get(asked + v) for v in ("counted", "unprescaled"))
    assert counted.status == before.status == 200
    assert counted.body != before.body


def test_no_such_path(visitor):
    """A pattern that nothing has is told, not drawn."""
    text = visitor.get("/trigger?run=297050&pattern=HLT_Nothing*").text
    assert "has no path named HLT_Nothing*." in text
    assert "<img" not in text


def drop(visitor, name, content):
    """The key of a dropped file."""
    answer = visitor.post(f"/masks/file?name={quote(name)}", content, x_omskit="1")
    assert answer.status == 200, answer.text
    return answer.text


def test_two_masks_are_compared(visitor):
    """Two dropped files are told apart, with luminosity, reasons and results."""
    a = drop(visitor, "a.json", b'{"297050": [[1, 100]]}')
    b = drop(visitor, "b.json", b'{"297050": [[50, 120]]}')
    text = visitor.get(f"/masks?a={a}&b={b}").text
    assert "51 lumisections in both, 49 only in a.json, 20 only in b.json." in text
    assert "Luminosity at stake" in text
    assert "every flag is on" in text
    for op, wanted in (
        ("and", [(297050, 50, 100)]),
        ("or", [(297050, 1, 120)]),
        ("sub", [(297050, 1, 49)]),
    ):
        found = visitor.get(f"/masks/result.json?a={a}&b={b}&op={op}")
        assert LumiMask(found.body) == LumiMask.from_ranges(wanted)


def test_one_mask_is_identified(visitor):
    """One dropped file is told with its counts."""
    a = drop(visitor, "golden.json", b'{"297050": [[1, 100]], "297056": [[1, 5]]}')
    text = visitor.get(f"/masks?b={a}").text
    assert "golden.json: 105 lumisections in 2 runs." in text


def test_equal_masks(visitor):
    """Two files with the same lumisections are the same."""
    a = drop(visitor, "a.json", b'{"297050": [[1, 100]]}')
    text = visitor.get(f"/masks?a={a}&b={a}").text
    assert "have the same lumisections." in text


def test_masks_that_differ_widely(visitor):
    """Of very many runs luminosity is not looked up, and that is said."""
    many = json.dumps({str(run): [[1, 2]] for run in range(1, 60)}).encode()
    a = drop(visitor, "a.json", many)
    b = drop(visitor, "b.json", b'{"297050": [[1, 2]]}')
    text = visitor.get(f"/masks?a={a}&b={b}").text
    assert "60 runs differ: luminosity and reasons are looked up for at most" in text


def test_masks_of_unknown_runs(visitor):
    """Runs that OMS has not are told."""
    a = drop(visitor, "a.json", b'{"7": [[1, 2]]}')
    b = drop(visitor, "b.json", b'{"7": [[1, 3]]}')
    text = visitor.get(f"/masks?a={a}&b={b}").text
    assert "OMS has no lumisection of the runs that differ." in text


def test_a_file_that_is_no_mask(visitor):
    """A file without a meaning is refused in one line that names it."""
    answer = visitor.post("/masks/file?name=x.txt", b"no mask", x_omskit="1")
    assert answer.status == 400
    assert answer.text.startswith("x.txt: ")
    assert "\n" not in answer.text


def test_now_on_the_last_run(visitor):
    """The page Now tells of the newest run, and that it has ended."""
    text = visitor.get("/now").text
    assert "Run 386694 of fill 10210" in text
    assert "it ended at 2024-10-06 11:17 UTC." in text


def test_answers_are_kept_until_they_may_change(demo):
    """What grows is asked again after some seconds, a run that is over much later."""
    now = [0.0]
    asker = Asker(demo, now=lambda: NOW, clock=lambda: now[0])
    over, growing = 297046, 297051
    first = {run: asker.report("run", run) for run in (over, growing)}
    now[0] = 30.0
    assert asker.report("run", over) is first[over]
    assert asker.report("run", growing) is not first[growing]
    now[0] = 1000.0
    assert asker.report("run", over) is not first[over]
    before = asker.report("run", over)
    assert asker.report("run", over, anew=True) is not before
    newest = asker.newest_run()
    assert asker.length_of(newest) < asker.length_of(over)


def test_memory_of_answers_is_bounded(demo, monkeypatch):
    """Large answers push out older ones, and are asked again when they are wanted."""
    asker = Asker(demo, now=lambda: NOW)
    first = asker.report("run", 297046)
    rates = demo.hlt_rates(297050, paths="HLT_IsoMu*", audit=False)
    cube = cube_of(rates, "path_name", "rate")
    assert size_of(first) > size_of(first.runs) > 0 == size_of("words")
    assert asker.remembered("cube", lambda: cube) is cube
    assert asker.report("run", 297046) is first
    monkeypatch.setattr("omskit.dashboard.asking.KEPT_BYTES", size_of(cube))
    asker.remembered("more", lambda: cube)
    assert asker.remembered("more", list) is cube
    assert asker.report("run", 297046) is not first


def test_light_and_dark_are_in_the_address(visitor):
    """The theme is part of the address, and the pages' links keep it."""
    text = visitor.get("/ask?theme=dark").text
    assert 'data-theme="dark"' in text
    assert 'href="/run?theme=dark"' in text
    other = visitor.get("/ask?theme=%3Cb%3E").text
    assert "data-theme" not in other.split("</head>")[0]


def test_reasons_that_cannot_be_had(asker, visitor, monkeypatch):
    """Where OMS does not answer, two masks are compared without it, as is said."""
    from omskit.errors import TransportError

    a = drop(visitor, "a.json", b'{"315190": [[1, 10]]}')
    b = drop(visitor, "b.json", b'{"315190": [[5, 12]]}')

    def down(*arguments, **options):
        message = "connection refused"
        raise TransportError(message)

    monkeypatch.setattr(asker.client, "lumisections", down, raising=False)
    text = visitor.get(f"/masks?a={a}&b={b}").text
    assert "6 lumisections in both" in text
    assert "cannot be told: connection refused" in text


def test_nothing_is_newest(visitor, asker, monkeypatch):
    """A service without runs has no newest one."""
    monkeypatch.setattr(asker, "newest_run", lambda: None)
    for path in ("/run", "/trigger"):
        answer = visitor.get(path)
        assert b"OMS has no run yet" in answer.body


def test_a_run_without_a_fill(visitor, asker, monkeypatch):
    """A run that belongs to no fill leads to none."""
    import dataclasses

    found = asker.report("run", 297050)
    facts = tuple(dataclasses.replace(f, value=None) for f in found.facts)
    monkeypatch.setattr(
        asker, "report", lambda *_: dataclasses.replace(found, facts=facts)
    )
    answer = visitor.get("/fill")
    assert (answer.status, b"belongs to no fill" in answer.body) == (404, True)


def test_a_run_without_luminosity_or_flags(visitor, asker, monkeypatch):
    """A run of which little is known still has its page."""
    import dataclasses

    found = asker.report("run", 297051)
    lumis = found.lumisections
    kept = ["run_number", "lumisection_number", "pileup"]
    bare = dataclasses.replace(
        found, ledger=None, lumisections=lumis.part(lumis.arrow.select(kept))
    )
    bare = dataclasses.replace(bare, made=bare.made.replace(year=2001))
    monkeypatch.setattr(asker, "report", lambda *_: bare)
    text = visitor.get("/run/297051?states=stable").text
    assert "No luminosity was delivered." in text
