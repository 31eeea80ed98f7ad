from __future__ import annotations

import json
import pickle
import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.bothways import async_outcome, both, refused, sync_outcome
from tests.support.smallservice import BASE, SmallService, lumis, page, refusal

from omskit import LumiMask, field
from omskit.errors import (
    DecodeError,
    IncompleteError,
    NoRowError,
    NotFilterableError,
    NotFoundError,
    NotSortableError,
    OperatorError,
    SelectorError,
    ServerFailedError,
    ServiceError,
    TooManyRowsError,
    UnknownFieldError,
    UnknownResourceError,
)
from omskit.flow.audit import gaps
from omskit.query.url import parse
from omskit.schema import Catalogue, bundled
from omskit.table.receipt import Receipt

MICRO = r"{\mu}b^{-1}"
UNITS = {
    "lumisections": {
        "init_lumi": "10^{34}cm^{-2}s^{-1}",
        "end_lumi": "10^{34}cm^{-2}s^{-1}",
        "delivered_lumi": "nb^{-1}",
    }
}
RUNS = [
    {"run_number": 297050, "last_lumisection_number": 25, "l1_rate": 49130.85},
    {"run_number": 297055, "last_lumisection_number": None, "l1_rate": None},
    {"run_number": 297056, "last_lumisection_number": 12, "l1_rate": 60997.938},
]


def small(**options):
    settings = {"units": UNITS, **options}
    rows = [*lumis(297050, 25), *lumis(297056, 12)]
    eras = [{"name": "2017B", "start_fill": 5800, "end_fill": 5900}]
    return SmallService({"lumisections": rows, "runs": RUNS, "eras": eras}, **settings)


def quick(**options):
    return {"page_size": 10, "retries": 0, **options}


def test_a_fetch_is_whole_and_typed():
    """All rows come in order, with every column of the catalogue."""
    outcome = both(small, lambda oms: oms.lumisections(297050), **quick())
    table = outcome.value
    assert table.complete
    assert table["lumisection_number"].to_pylist() == list(range(1, 26))
    assert table.columns == list(bundled()["lumisections"].names)
    assert outcome.warnings == []
    assert len(outcome.log) == 4


@pytest.mark.parametrize(
    ("ask", "kind", "said"),
    [
        (lambda oms: oms.runs(fields="l1_rat"), UnknownFieldError, "'l1_rate'"),
        (lambda oms: oms.runs(where="l1_rat > 5"), UnknownFieldError, "'l1_rate'"),
        (lambda oms: oms.runs(where=field.l1_rat > 5), UnknownFieldError, "l1_rate"),
        (lambda oms: oms.runs(sort="-l1_rat"), UnknownFieldError, "'l1_rate'"),
        (lambda oms: oms.runs((5, 3)), SelectorError, "first is after the last"),
        (lambda oms: oms.runs([]), SelectorError, "empty"),
        (lambda oms: oms.runs(where=field.run_number > "x"), OperatorError, "whole"),
        (
            lambda oms: oms.l1_rates(5, where=field.l1a_total > 1),
            NotFilterableError,
            "parts",
        ),
        (lambda oms: oms.runs(sort="components"), NotSortableError, "components"),
    ],
)
def test_what_cannot_be_asked_is_not_sent(ask, kind, said):
    """A misspelt or unfit name, value or selector raises before any request."""
    outcome = refused(small, ask)
    assert type(outcome.error) is kind
    assert said in str(outcome.error)
    assert outcome.log == []
    assert outcome.error.attempts == 0


def test_unchecked_names_are_sent():
    """With unchecked=True an unknown name goes out, and its column comes back."""

    def service():
        rows = [{**row, "brand_new": n} for n, row in enumerate(RUNS)]
        return SmallService({"runs": rows}, faults=[tolerant])

    def tolerant(request):
        if "brand_new" in request.url and "fields" in request.url:
            data = [
                {
                    "id": str(r["run_number"]),
                    "attributes": {"run_number": r["run_number"], "brand_new": n},
                }
                for n, r in enumerate(RUNS)
            ]
            return page(data=data, meta={"totalResourceCount": 3})
        return None

    outcome = both(service, lambda oms: oms.runs(fields="brand_new", unchecked=True))
    assert outcome.value["brand_new"].to_pylist() == [0, 1, 2]
    assert outcome.value.columns == ["brand_new"]


def test_new_attributes_are_kept_with_one_warning():
    """Attributes that the catalogue does not know are kept, and said once."""
    outcome = both(
        lambda: small(extra={"brand_new": 7}),
        lambda oms: oms.lumisections(297050),
        **quick(),
    )
    assert set(outcome.value["brand_new"].to_pylist()) == {7}
    assert len(outcome.warnings) == 1
    assert "brand_new" in outcome.warnings[0]


def test_an_unknown_resource_costs_one_meta_request():
    """A resource outside the catalogue is typed by /meta, asked for once a client."""

    def service():
        rows = [{"id": str(n), "n": n, "label": None} for n in range(3)]
        fields = {"n": {"type": "INTEGER", "units": "m"}, "label": {"type": "STRING"}}
        return SmallService({"newthing": rows}, metas={"newthing": {**fields}})

    def ask(oms):
        query = oms.query("newthing")
        return query.fetch(), query.count(), query.url

    outcome = both(service, ask)
    table, count, url = outcome.value
    assert table.arrow.schema.field("n").type == pa.int64()
    assert table.arrow.schema.field("label").type == pa.string()
    assert table.units["n"] == "m"
    assert count == 3
    assert url == f"{BASE}/newthing?page[offset]=0&page[limit]=1000"
    assert sum(entry == "newthing/meta" for entry in outcome.log) == 1
    assert outcome.warnings == []


def test_a_misspelt_field_of_a_described_resource_raises():
    """What /meta describes is checked like the catalogue."""

    def service():
        return SmallService({"newthing": []}, metas={"newthing": {"number": {}}})

    outcome = refused(
        service, lambda oms: oms.query("newthing").select("numbr").fetch()
    )
    assert type(outcome.error) is UnknownFieldError
    assert "'number'" in str(outcome.error)
    assert outcome.log == ["newthing/meta"]


@pytest.mark.parametrize(
    "described",
    [
        page(data=[]),
        page(meta={"fields": {}}),
        page(meta={"fields": []}),
        page(meta=None),
        refusal(200, "x").__class__(200, {}, b"<html>"),
    ],
)
def test_an_undescribed_resource_is_untyped_with_a_warning(described):
    """Where /meta says nothing usable, values keep their types, with a warning."""

    def service():
        rows = [{"id": "a", "n": 5}, {"id": "b", "n": 6}]
        faults = [lambda r: described if r.url.endswith("/meta") else None]
        return SmallService({"newthing": rows}, faults=faults)

    outcome = both(service, lambda oms: oms.query("newthing").fetch())
    assert outcome.value["n"].to_pylist() == [5, 6]
    assert any("Neither the catalogue nor" in text for text in outcome.warnings)


@pytest.mark.parametrize("name", ["run", "foo/bar", "lumisection"])
def test_an_unknown_resource_is_named(name):
    """A resource that the service does not know either is named as it was given."""
    outcome = refused(small, lambda oms: oms.query(name).fetch())
    assert type(outcome.error) is UnknownResourceError
    assert f"'{name}'" in str(outcome.error)
    assert "/meta'" not in str(outcome.error)
    assert outcome.log == [f"{name.split('/')[0]}/meta"]
    assert (outcome.error.status, outcome.error.attempts) == (404, 1)
    if name != "foo/bar":
        assert f"Did you mean '{name}s'" in str(outcome.error)


def test_a_resource_name_cannot_leave_its_path():
    """A name with URL signs in it is encoded."""
    outcome = refused(small, lambda oms: oms.query("a?b#c").fetch())
    assert outcome.log == ["a%3Fb%23c/meta"]


def test_other_errors_of_meta_are_raised_as_they_are():
    """A service that fails on /meta has not denied the resource."""

    def service():
        return small(faults=[lambda _: refusal(500, "database")])

    outcome = refused(service, lambda oms: oms.query("newthing").fetch(), retries=0)
    assert type(outcome.error) is ServerFailedError


def test_meta_teaches_the_client():
    """meta() merges what the service says; later questions obey it."""

    def service():
        return small(metas={"runs": {"l1_rate": {"sortable": False}, "new": {}}})

    def ask(oms):
        before = len(oms.catalogue["runs"].fields)
        learnt = oms.meta("runs")
        return (
            before,
            len(learnt.fields),
            oms.catalogue["runs"].field("l1_rate").sortable,
        )

    assert both(service, ask).value == (43, 44, False)
    outcome = refused(service, lambda oms: oms.meta("nonsense"))
    assert type(outcome.error) is UnknownResourceError
    outcome = refused(small, lambda oms: oms.meta("runs"))
    assert type(outcome.error) is NotFoundError


def test_no_match_is_an_empty_typed_table():
    """A run that does not exist gives every column, no row, a warning, no error."""
    outcome = both(small, lambda oms: oms.lumisections(5))
    table = outcome.value
    assert len(table) == 0
    assert table.complete
    resource = bundled()["lumisections"]
    assert [f.type for f in table.arrow.schema] == [
        f.arrow_type for f in resource.fields
    ]
    assert outcome.warnings == ["No row of 'lumisections' matches run_number = 5."]


def test_runs_of_a_list_without_a_row_are_named():
    """Of several runs the one without a row is named; beside a condition it is not."""
    some = "lumisection_number >= 1"
    outcome = both(small, lambda oms: oms.lumisections([297050, 5]))
    assert outcome.warnings == ["No row matches run_number = 5."]
    found = both(small, lambda oms: oms.lumisections([297050, 5], where=some))
    assert not any("No row" in text for text in found.warnings)


def test_what_cannot_match_is_not_asked():
    """Conditions that contradict each other cost no request; the reason is given."""

    def ask(oms):
        query = oms.query("runs").where(field.run_number == 5, field.run_number == 6)
        return query.fetch(), query.count(), query.url

    outcome = both(small, ask)
    table, count, url = outcome.value
    assert (len(table), count) == (0, 0)
    assert table.columns == list(bundled()["runs"].names)
    assert outcome.log == []
    assert "cannot both hold" in outcome.warnings[0]
    assert url == f"{BASE}/runs"


def test_fields_come_in_the_order_asked_for():
    """select() gives these columns, in this order, also where whole rows are read."""
    outcome = both(
        small,
        lambda oms: oms.lumisections(297050, fields="init_lumi,run_number"),
        **quick(),
    )
    assert outcome.value.columns == ["init_lumi", "run_number"]
    assert outcome.value.units["init_lumi"] == "10^30 cm^-2 s^-1"


@pytest.mark.parametrize("asked", [1, 7, 10, 15, 24, 25, 100])
def test_a_limit_is_no_incompleteness(asked):
    """limit(n) gives min(n, total) rows, complete, with the total in the receipt."""

    def query(oms):
        return oms.query("lumisections", 297050).limit(asked).fetch()

    table = both(small, query, **quick()).value
    assert len(table) == min(asked, 25)
    assert table.complete
    assert table.receipt.total == 25
    assert table.receipt.rows == len(table)


def test_one_row_is_one_row():
    """fetch_one() gives the row, or says that there is none or more."""
    one = both(small, lambda oms: oms.query("runs", 297050).fetch_one())
    assert one.value["l1_rate"].to_pylist() == [49130.85]
    none = refused(small, lambda oms: oms.query("runs", 5).fetch_one())
    assert type(none.error) is NoRowError
    assert isinstance(none.error, LookupError)
    assert "run_number = 5" in str(none.error)
    many = refused(small, lambda oms: oms.query("runs").fetch_one())
    assert type(many.error) is TooManyRowsError
    assert "limit(1)" in str(many.error)
    first = both(small, lambda oms: oms.query("runs").limit(1).fetch_one())
    assert first.value["run_number"].to_pylist() == [297050]
    assert len(first.log) == 1


def test_counting_reads_no_rows():
    """count() asks for the number, one row a request, and obeys the limit."""
    outcome = both(small, lambda oms: oms.query("lumisections", 297050).count())
    assert outcome.value == 25
    assert len(outcome.log) == 1
    assert "page[limit]=1" in outcome.log[0]
    runs = [297050, 297056]
    assert both(small, lambda oms: oms.query("lumisections", runs).count()).value == 37

    def limited(oms):
        return oms.query("lumisections", 297050).limit(7).count()

    assert both(small, limited).value == 7


def test_counting_with_a_local_filter_reads_the_rows():
    """Where a filter is applied here, the rows are read and counted."""

    def ask(oms):
        return oms.query("lumisections", 297050).where("init_lumi > 10200000")

    outcome = both(small, lambda oms: ask(oms).count(), **quick())
    assert outcome.value == 5


def test_counting_needs_a_total():
    """A page without total is no count of zero."""
    outcome = refused(
        lambda: small(total=lambda _: None), lambda oms: oms.query("runs").count()
    )
    assert type(outcome.error) is DecodeError


def unfiltered(_request):
    rows = [{"id": str(r["run_number"]), "attributes": r} for r in RUNS]
    return page(data=rows, meta={"totalResourceCount": 3})


@pytest.mark.parametrize("method", ["fetch", "count", "fetch_one"])
def test_a_filter_that_the_service_ignores_is_found_out(method):
    """Rows that a filter forbids make the whole answer worthless."""

    def ask(oms):
        return getattr(oms.query("runs").where(field.l1_rate > 50000), method)()

    outcome = refused(lambda: small(faults=[unfiltered]), ask)
    assert type(outcome.error) is ServiceError
    assert "did not apply a filter" in str(outcome.error)


def test_missing_lumisections_are_listed():
    """Numbers that OMS does not hold are gaps with one warning, no incompleteness."""

    def service():
        rows = [*lumis(297050, 23, missing={1, 7, 8}), *lumis(297056, 12)]
        return SmallService({"lumisections": rows, "runs": RUNS})

    outcome = both(service, lambda oms: oms.lumisections([297050, 297056]))
    table = outcome.value
    assert table.complete
    assert table.gaps == ((297050, 1, 1), (297050, 7, 8), (297050, 24, 25))
    (told,) = [text for text in outcome.warnings if "unit" not in text]
    assert told.startswith(
        "OMS holds no lumisections row for 5 lumisections: 297050:1-1"
    )


def test_many_gaps_are_cut_short():
    """A warning lists three ranges and counts the rest."""

    def service():
        rows = lumis(297050, 25, missing={2, 4, 6, 8, 10})
        return SmallService({"lumisections": rows, "runs": RUNS})

    fields = ["run_number", "lumisection_number"]
    outcome = both(service, lambda oms: oms.lumisections(297050, fields=fields))
    assert len(outcome.value.gaps) == 5
    assert "297050:6-6 and 2 more ranges" in outcome.warnings[0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda oms: oms.lumisections(297050, audit=False),
        lambda oms: oms.lumisections(297050, where=field.lumisection_number > 3),
        lambda oms: oms.lumisections(297050, limit=3),
        lambda oms: oms.lumisections(297050, fields="cms_active"),
        lambda oms: oms.lumisections(where=field.fill_number == 5839),
        lambda oms: oms.runs(297050),
    ],
)
def test_no_gaps_are_looked_for_in_part_of_a_run(ask):
    """Only whole runs per lumisection cost the extra request, unless audit=False."""
    outcome = both(small, ask)
    assert outcome.value.gaps == ()
    assert not any("last_lumisection_number" in entry for entry in outcome.log)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(500, "x"),
        page(data=[]),
        page(data=[], meta={"totalResourceCount": 1}),
        ServiceError("no"),
    ],
)
def test_an_audit_that_fails_is_a_warning(answer):
    """Where the list of runs is not to be had, the rows are whole all the same."""
    faults = [lambda r: answer if "/runs?" in r.url else None]
    outcome = both(lambda: small(faults=faults), lambda oms: oms.lumisections(297050))
    assert outcome.value.complete
    assert outcome.warnings == [
        "Missing lumisections were not looked for: 'runs' gave no answer."
    ]


def test_without_runs_in_the_catalogue_nothing_is_audited():
    """A catalogue of one's own need not have runs."""
    only = Catalogue({"lumisections": bundled()["lumisections"]})
    outcome = both(small, lambda oms: oms.lumisections(297050), catalogue=only)
    assert len(outcome.value) == 25
    assert len(outcome.log) == 1


@given(st.sets(st.integers(1, 30)), st.integers(0, 30))
def test_gaps_and_rows_cover_a_run(numbers, last):
    """Gaps are disjoint, ordered, and with the rows make up 1 to the last number."""
    import numpy as np

    held = np.array(sorted(numbers), np.int64)
    lumis = np.concatenate([held, held[::-1]])
    runs = np.repeat([7, 5], len(held))
    found = gaps(runs, lumis, {7: last, 5: last, 6: 2})
    lacking = sorted(set(range(1, last + 1)) - numbers)
    absent = [(run, n) for run, first, end in found for n in range(first, end + 1)]
    wanted = [(5, n) for n in lacking] + [(6, 1), (6, 2)] + [(7, n) for n in lacking]
    assert absent == wanted


def test_names_without_rows_are_named():
    """Of names that are asked for one by one, those without a row are told."""
    names = ["2017B", "2017Z", "2099A"]
    outcome = both(small, lambda oms: oms.eras(names))
    assert outcome.value["name"].to_pylist() == ["2017B"]
    assert outcome.warnings == ["No row matches name = 2017Z, name = 2099A."]
    none = both(small, lambda oms: oms.eras(names[1:]))
    assert none.warnings == ["No row of 'eras' matches name in 2017Z, 2099A."]


def test_many_names_without_rows_are_cut_short():
    """Five names are listed, the others counted."""
    names = ["2017B", *(f"X{n}" for n in range(8))]
    outcome = both(small, lambda oms: oms.eras(names))
    assert outcome.warnings[0].endswith("name = X4 and 3 more.")


def test_an_incomplete_answer_carries_what_did_arrive():
    """Rows that are counted and lacking raise; the error holds the table."""

    def service():
        return small(total=lambda count: count + 2)

    outcome = refused(service, lambda oms: oms.runs(297050), **quick())
    assert type(outcome.error) is IncompleteError
    assert "1 of 3 rows came back" in str(outcome.error)
    assert len(outcome.error.table) == 1
    assert not outcome.error.table.complete
    assert len(outcome.log) == 3
    assert pickle.loads(pickle.dumps(outcome.error)).table == outcome.error.table


def test_partial_answers_say_so():
    """With allow_partial the table is marked and says why it is not whole."""

    def service():
        return small(total=lambda count: count + 2)

    def ask(oms):
        return oms.query("runs", 297050).options(allow_partial=True).fetch()

    outcome = both(service, ask)
    assert not outcome.value.complete
    assert outcome.warnings == ["Incomplete: 1 of 3 rows came back."]


def test_rows_lost_on_the_way_are_no_gaps_of_oms():
    """Where rows are lacking, OMS is not said to hold none: nobody can know."""
    rows = [row for row in lumis(297056, 12) if row["lumisection_number"] != 5]

    def service():
        return SmallService(
            {"lumisections": rows, "runs": RUNS},
            units=UNITS,
            total=lambda count: count + (count == len(rows)),
        )

    outcome = both(service, lambda oms: oms.lumisections(297056, allow_partial=True))
    assert not outcome.value.complete
    assert outcome.value.gaps == ()
    assert outcome.warnings[0] == "Incomplete: 11 of 12 rows came back."
    assert not any("OMS holds no" in warning for warning in outcome.warnings)


def test_rows_without_their_number_are_left_out_of_a_partial_answer():
    """A row that does not say which it is breaks no filter, and is told of."""
    rows = lumis(297056, 12)
    rows[3] = {**rows[3], "run_number": None}
    document = page(
        data=[
            {"id": f"297056_{n}", "attributes": row} for n, row in enumerate(rows, 1)
        ],
        meta={"totalResourceCount": 12},
    )

    def service():
        def nameless(request):
            return document if "/lumisections?" in request.url else None

        return small(faults=[nameless])

    def ask(oms):
        query = oms.query("lumisections", 297056).select("run_number", "beams_stable")
        return query.options(allow_partial=True).fetch()

    outcome = both(service, ask)
    assert outcome.warnings[0] == "Incomplete: 1 rows have no run_number."
    assert "Left out: 1 rows that do not say which they are." in outcome.warnings
    assert outcome.value["run_number"].to_pylist() == [297056] * 11
    assert not outcome.value.complete


def test_an_empty_partial_answer_does_not_claim_that_nothing_matches():
    """Rows that are counted and do not come are no proof that there are none."""
    nothing = page(data=[], meta={"totalResourceCount": 5})
    outcome = both(
        lambda: small(faults=[lambda _: nothing]),
        lambda oms: oms.runs(297050, allow_partial=True),
    )
    assert outcome.warnings == ["Incomplete: 0 of 5 rows came back."]


def test_receipts_can_be_asked_again():
    """Each URL of a receipt, asked again, gives the rows of the table, in order."""
    service = small()
    table = sync_outcome(service, lambda oms: oms.lumisections(297050), **quick()).value
    receipt = table.receipt
    assert receipt.service == BASE
    assert (receipt.total, receipt.rows) == (25, 25)
    assert receipt.started <= receipt.finished
    assert receipt.version
    again = []
    for url in receipt.urls:
        query, span = parse(url, bundled())
        assert (query.resource, span.limit) == ("lumisections", 10)
        from omskit.effects import Request

        document = json.loads(service(Request("GET", f"{BASE}/{url}")).body)
        again += [r["attributes"]["lumisection_number"] for r in document["data"]]
    assert again == table["lumisection_number"].to_pylist()
    assert pickle.loads(pickle.dumps(receipt)) == receipt
    assert isinstance(receipt, Receipt)


def test_explain_tells_what_is_asked_and_what_is_done_here():
    """explain() gives requests, pages, local filters, sorting, limit and audit."""

    def ask(oms):
        query = oms.query("lumisections", 297050).where("init_lumi > 5")
        return query.sort("-init_lumi").limit(3).explain()

    outcome = both(small, ask, **quick())
    lines = outcome.value.splitlines()
    assert lines[0] == f"lumisections from {BASE}"
    assert lines[1].startswith("asks lumisections?filter[run_number][EQ]=297050&")
    assert "in pages of 10, 4 at once" in lines
    assert "applied here: init_lumi > 5.0" in lines
    assert any(line.startswith("sorted here: -init_lumi") for line in lines)
    assert lines[-1] == "at most 3 rows"
    assert outcome.log == []


def test_explain_is_short_for_long_lists():
    """Of many requests five are shown and the others counted."""
    numbers = list(range(297001, 297041, 2))
    text = both(small, lambda oms: oms.query("lumisections", numbers).explain()).value
    assert text.count("\nasks lumisections") == 5
    assert "and 15 more like these" in text
    assert "asks runs for the last lumisections" in text


def test_explain_says_why_nothing_is_asked():
    """A query that cannot match is explained too."""

    def scenario(oms):
        return (
            oms.query("runs")
            .where(field.run_number > 6, field.run_number < 5)
            .explain()
        )

    text = both(small, scenario).value
    assert "nothing is asked: " in text
    assert "in pages of" not in text


QUESTIONS = {
    "plain": lambda oms: oms.query("lumisections", 297050),
    "all": lambda oms: oms.query("lumisections"),
    "list": lambda oms: oms.query("lumisections", [297050, 297056]),
    "limit": lambda oms: oms.query("lumisections").limit(17),
    "local": lambda oms: oms.query("lumisections", 297050).where(
        "init_lumi > 10100000"
    ),
    "sorted": lambda oms: oms.query("lumisections", 297050).sort("-lumisection_number"),
    "fields": lambda oms: oms.query("lumisections").select("init_lumi", "end_lumi"),
    "mask": lambda oms: oms.query(
        "lumisections", LumiMask.from_json({"297050": [[3, 21]]})
    ),
    "raw": lambda oms: oms.query("lumisections", 297050).options(units="raw"),
    "empty": lambda oms: oms.query("lumisections", 5),
    "impossible": lambda oms: oms.query("runs").where(
        "run_number > 6", "run_number < 5"
    ),
    "names": lambda oms: oms.query("eras", ["2017B", "none"]),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_pages_are_the_fetch_in_pieces(name):
    """Pages together are what fetch() gives, each at most a page, never none."""
    ask = QUESTIONS[name]
    options = quick(page_size=6, audit=False)
    whole = both(small, lambda oms: ask(oms).fetch(), **options)
    parts = both(small, lambda oms: list(ask(oms).pages()), **options)
    tables = parts.value
    assert tables
    assert all(0 < len(t) <= 6 for t in tables) or len(tables) == 1
    joined = pa.concat_tables([t.arrow for t in tables])
    assert joined.equals(whole.value.arrow, check_metadata=True)
    assert sorted(parts.log) == sorted(whole.log)
    assert {re.sub(r"\d+( rows?)?", "#", text) for text in parts.warnings} == {
        re.sub(r"\d+( rows?)?", "#", text) for text in whole.warnings
    }


def test_end_lumi_is_the_next_init_lumi():
    """end_lumi is recomputed, over page borders too, and null in the last row."""
    table = both(small, lambda oms: oms.lumisections(297050), **quick()).value
    initial = table["init_lumi"].to_pylist()
    assert table["end_lumi"].to_pylist() == [*initial[1:], None]
    raw = both(
        small, lambda oms: oms.lumisections(297050, units="raw"), **quick()
    ).value
    assert set(raw["end_lumi"].to_pylist()) == {0.0}


def test_end_lumi_of_part_of_a_run_is_null_with_a_warning():
    """Where the next lumisection was not asked for, end_lumi is null, and says so."""
    where = field.lumisection_number.is_in([3, 4, 9])
    outcome = both(small, lambda oms: oms.lumisections(297050, where=where))
    assert outcome.value["end_lumi"].null_count == 2
    assert any("end_lumi is null in 2 rows" in text for text in outcome.warnings)


def test_units_are_canonical():
    """Luminosities come in one unit each, which the table names."""
    table = both(small, lambda oms: oms.lumisections(297050, limit=2)).value
    assert table["init_lumi"].to_pylist() == [1001.0e4, 1002.0e4]
    assert table["delivered_lumi"].to_pylist() == [2e-3, 4e-3]
    assert table.units["init_lumi"] == "10^30 cm^-2 s^-1"
    assert table.units["delivered_lumi"] == "/pb"


def test_raw_units_are_the_services():
    """units="raw" keeps the numbers and puts each row's unit beside them."""

    def ask(oms):
        return oms.lumisections(297050, limit=2, units="raw")

    table = both(small, ask).value
    assert table["init_lumi"].to_pylist() == [1001.0, 1002.0]
    assert table["init_lumi_unit"].to_pylist() == ["10^{34}cm^{-2}s^{-1}"] * 2
    assert table.units["init_lumi"] is None


def test_units_that_nobody_names_are_not_guessed():
    """Without meta.row the unit is None, with a warning; numbers are the service's."""

    def ask(oms):
        return oms.lumisections(297050, limit=2, fields="init_lumi")

    outcome = both(lambda: small(units={}), ask)
    assert outcome.value.units == {"init_lumi": None}
    assert outcome.value["init_lumi"].to_pylist() == [1001.0, 1002.0]
    (told,) = outcome.warnings
    assert told.startswith("The unit of init_lumi is not known: ")


@pytest.mark.parametrize("allow_partial", [False, True])
def test_a_stream_that_is_not_whole_ends_so(allow_partial):
    """Tables already given are right; then an error, or a last table that is marked."""

    def service():
        return small(total=lambda count: count + 2)

    def ask(oms):
        seen = []
        query = oms.query("lumisections", 297050).options(allow_partial=allow_partial)
        try:
            seen.extend((len(table), table.complete) for table in query.pages())
        except IncompleteError as error:
            seen.append(str(error))
        return seen

    outcome = both(service, ask, **quick())
    assert outcome.value[:3] == [(10, True), (10, True), (5, False)]
    assert outcome.warnings[-1] == "Incomplete: 25 of 27 rows came back."
    if not allow_partial:
        assert "read once" in outcome.value[3]


def test_a_stream_tells_what_is_wrong():
    """Totals that change, rows that come twice and pages that fail are each named."""

    def moody(request):
        if "page[offset]=10&" in request.url:
            return refusal(500, "database")
        if "page[offset]=20&" in request.url:
            found = json.loads(small()(request).body)
            found["data"][0] = found["data"][1]
            found["meta"]["totalResourceCount"] = 26
            return page(**found)
        return None

    def ask(oms):
        query = oms.query("lumisections", 297050).options(allow_partial=True)
        return [t.warnings for t in query.pages()][-1]

    notes = both(lambda: small(faults=[moody]), ask, **quick()).value
    told = " ".join(notes)
    assert "the page from row 10 could not be had" in told
    assert "changed while reading" in told
    assert "15 of 26 rows came back" in told
    assert "1 rows came more than once, the first 297050_22" in told


def test_a_stream_left_early_asks_no_more():
    """Pages that nobody takes are not asked for beyond those under way."""
    service = SmallService({"lumisections": lumis(1, 500), "runs": []}, units=UNITS)

    def ask(oms):
        tables = oms.query("lumisections", 1).pages()
        first = next(tables)
        tables.close()
        return len(first)

    outcome = sync_outcome(service, ask, **quick(concurrency=1))
    assert outcome.value == 10
    assert len(outcome.log) <= 6


def test_columns_of_another_type_are_widened_or_refused():
    """A column that is text here and number there is an error that names its path."""

    def odd(request):
        if "page[offset]=10" in request.url:
            found = json.loads(small()(request).body)
            for row in found["data"]:
                row["attributes"]["fill_number"] = "many"
            return page(**found)
        return None

    outcome = refused(
        lambda: small(faults=[odd]), lambda oms: oms.lumisections(297050), **quick()
    )
    assert type(outcome.error) is DecodeError
    assert "fill_number" in outcome.error.path


def test_both_clients_agree_on_order_one_by_one():
    """With one request at a time both clients ask the same things in the same order."""

    def ask(oms):
        return oms.query("lumisections").fetch()

    options = quick(concurrency=1, audit=False)
    one = sync_outcome(small(), ask, **options)
    two = async_outcome(small(), ask, **options)
    assert one.log[0] == two.log[0]
    assert sorted(one.log) == sorted(two.log)
