"""Reports as values: their numbers are those of the client's tables."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest

from omskit import LumiMask, Table
from omskit.errors import NoRowError, OMSWarning, UsageError
from omskit.lumi.accounting import COLUMNS
from omskit.reports import Evidence, Subject, build, report
from omskit.reports.asking import LUMISECTIONS
from omskit.reports.model import WATCHED
from omskit.reports.outliers import outliers_of
from omskit.reports.spans import agreements_of, spans_of
from omskit.reports.timeline import timeline


def test_facts_are_the_row_of_the_client(demo, of_run):
    """Every fact of a run has the value and the unit of the client's table."""
    table = demo.runs(297050)
    row = table.to_records()[0]
    assert len(of_run.facts) > 20
    for fact in of_run.facts:
        value = row[fact.field]
        if isinstance(fact.value, str):
            value = ", ".join(value) if isinstance(value, list) else str(value)
        assert (fact.value, fact.unit) == (value, table.units[fact.field])


def test_facts_of_a_fill_are_the_row_of_the_client(demo, of_fill):
    """Every fact of a fill has the value of the client's table."""
    row = demo.fills(5839).to_records()[0]
    found = {fact.field: fact.value for fact in of_fill.facts}
    assert found["delivered_lumi"] == row["delivered_lumi"]
    assert found["peak_pileup"] == row["peak_pileup"]
    assert found["first_run_number"] == str(row["first_run_number"])


def test_the_ledger_adds_up(demo, of_run, of_fill):
    """What is booked adds up to what OMS says was delivered."""
    run = demo.runs(297050)["delivered_lumi"][0]
    fill = demo.fills(5839)["delivered_lumi"][0]
    for found, whole in ((of_run, run), (of_fill, fill)):
        booked = sum(entry.lumi_pb for entry in found.ledger.entries)
        assert booked == pytest.approx(whole, rel=1e-9)


def test_a_period_is_its_lumisections(demo):
    """A stretch of time holds the lumisections that began in it, and their sum."""
    day = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)
    found = report(demo, since=day, until=day + dt.timedelta(days=1))
    lumis = demo.lumisections(
        since="2017-06-16", until="2017-06-16", fields=list(LUMISECTIONS)
    )
    assert found.title == "2017-06-16"
    assert len(found.lumisections) == len(lumis)
    recorded = sum(lumis.arrow["recorded_lumi_per_lumisection"].drop_null().to_pylist())
    assert found.ledger.recorded_pb == pytest.approx(recorded, rel=1e-9)
    assert {f.name: f.value for f in found.facts}["Runs"] == len(found.runs)


def test_a_duration_counts_back_from_the_end(demo):
    """A duration is that time before *until*, and times without a zone are UTC."""
    end = dt.datetime(2017, 6, 17)  # noqa: DTZ001  # what the test is about
    found = report(demo, since=dt.timedelta(hours=24), until=end)
    assert found.subject.since == dt.datetime(2017, 6, 16, tzinfo=dt.UTC)


def test_spans_are_the_rows_with_the_flag_off(demo, of_run):
    """A span counts exactly the rows in which the flag is off."""
    lumis = demo.lumisections(297050)
    for span in of_run.spans:
        off = lumis[span.flag].to_pylist().count(False)
        assert span.lumisections == off
        assert sum(b - a + 1 for _, a, b in span.gaps) == off


def test_certification_counts_lumisections(of_run, demo):
    """A mask is told with its lumisections, its luminosity and where flags differ."""
    (found,) = of_run.agreements
    assert (found.name, found.inside, found.outside) == ("golden", 710, 83)
    lumis = demo.lumisections(297050, fields=list(COLUMNS))
    mask = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776)])
    kept = mask.filter(lumis.arrow)["recorded_lumi_per_lumisection"].to_pylist()
    assert found.recorded_pb == pytest.approx(sum(kept), rel=1e-9)
    assert any("not in golden" in reason for reason in found.reasons)


def test_an_open_mask_ends_with_the_run(demo):
    """A range without an end reaches to the last lumisection of the run."""
    golden = LumiMask.from_ranges([(297050, 700, None)])
    found = report(demo, run=297050, masks={"open": golden})
    assert found.agreements[0].inside == 94


def test_a_mask_of_other_runs_has_no_luminosity(demo):
    """A mask that does not hold the run has no lumisection in it."""
    found = report(demo, run=297050, masks={"other": LumiMask.from_ranges([(1, 1, 2)])})
    assert (found.agreements[0].inside, found.agreements[0].recorded_pb) == (0, None)


def test_every_table_has_its_receipt(of_run):
    """The report carries the receipt of every table, and says that it is simulated."""
    kinds = {receipt.resource for receipt in of_run.receipts}
    wanted = {"runs", "lumisections", "l1triggerrates", "deadtimes", "hltpathrates"}
    assert wanted <= kinds
    assert of_run.simulated


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"run": 1}, "There is no run 1"), ({"fill": 1}, "There is no fill 1")],
    ids=["run", "fill"],
)
def test_what_oms_has_not(demo, asked, words):
    """A number that OMS has not ends in one line that names it."""
    with pytest.raises(NoRowError, match=words):
        report(demo, **asked)


def test_a_time_without_lumisections(demo):
    """A time in which no lumisection began is no empty report."""
    with pytest.raises(NoRowError, match=r"Since 2026-01-01 00:00 UTC: CMS has no"):
        report(demo, since=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))


def test_a_fill_without_lumisections(demo):
    """A fill in which CMS had no run is told so."""
    with pytest.raises(NoRowError, match="no lumisection in fill 5841"):
        report(demo, fill=5841)


@pytest.mark.parametrize(
    "asked", [{}, {"run": 297050, "fill": 5839}], ids=["none", "two"]
)
def test_one_subject(demo, asked):
    """Exactly one of run, fill and since is given."""
    with pytest.raises(UsageError, match="one run, one fill or a time"):
        report(demo, **asked)


def test_no_rows_are_no_report(demo):
    """Tables without a row are no report."""
    empty = demo.runs(297050)
    empty = empty.part(empty.arrow.slice(0, 0))
    subject = Subject("run", 1)
    now = dt.datetime.now(dt.UTC)
    with pytest.raises(NoRowError, match="Run 1: OMS has no such row"):
        build(subject, Evidence(empty, empty), made=now)


def test_a_run_without_lumisections_or_luminosity(demo):
    """Such a run has no ledger, and the sentence says why."""
    runs = demo.runs(297050)
    lumis = demo.lumisections(297050, fields=list(LUMISECTIONS))
    none = lumis.part(lumis.arrow.slice(0, 0))
    now = dt.datetime.now(dt.UTC)
    found = build(Subject("run", 297050), Evidence(runs, none), made=now)
    assert (found.ledger, found.sentence) == (
        None,
        "Run 297050 of fill 5839 has no lumisection.",
    )
    index = lumis.columns.index("delivered_lumi")
    field = lumis.arrow.schema.field(index)
    nothing = pa.nulls(len(lumis), pa.float64())
    lumis = lumis.part(lumis.arrow.set_column(index, field, nothing))
    found = build(Subject("run", 297050), Evidence(runs, lumis), made=now)
    assert found.ledger is None
    assert found.sentence.endswith("no luminosity was delivered.")
    assert "No luminosity was delivered." in found.to_html()


def test_all_well(demo):
    """A run that lost little is all well."""
    lumis = demo.lumisections(297050, fields=list(LUMISECTIONS))
    kept = lumis.arrow.slice(200, 50)
    delivered = kept["delivered_lumi_per_lumisection"]
    index = kept.column_names.index("recorded_lumi_per_lumisection")
    kept = kept.set_column(index, kept.schema.field(index), delivered)
    found = build(
        Subject("run", 297050),
        Evidence(demo.runs(297050), lumis.part(kept)),
        made=dt.datetime.now(dt.UTC),
    )
    assert found.sentence.endswith("(100.0 %); all well.")


def test_a_part_that_was_off_is_what_to_look_at(of_fill):
    """The largest loss is named, with the lumisection in stable beams it began in."""
    assert of_fill.sentence.endswith(
        "pixel was off for 13.305 /pb from lumisection 80 of run 297046."
    )


def hlt_rows(paths):
    """Counts of paths in the lumisections from 1 on, as OMS has them."""
    return Table(
        pa.table(
            {
                "path_name": [p for p, counts in paths.items() for _ in counts],
                "run_number": [7 for counts in paths.values() for _ in counts],
                "first_lumisection_number": [
                    n for counts in paths.values() for n in range(1, len(counts) + 1)
                ],
                "counter": [c for counts in paths.values() for c in counts],
            }
        )
    )


def lumi_rows(size, prescale=lambda _: 1):
    """Lumisections with stable beams."""
    return Table(
        pa.table(
            {
                "run_number": [7] * size,
                "lumisection_number": list(range(1, size + 1)),
                "prescale_index": [prescale(n) for n in range(1, size + 1)],
                "beams_stable": [True] * size,
            }
        )
    )


def test_a_dead_path_is_an_outlier():
    """A path that stops counting is told with where and how much."""
    counts = [100] * 60
    counts[30:34] = [0] * 4
    (found,) = outliers_of(hlt_rows({"HLT_A_v1": counts}), lumi_rows(60))
    assert (found.path, found.first, found.last) == ("HLT_A_v1", 31, 34)
    assert (found.counted, found.expected) == (0, 400.0)


def test_a_change_of_prescales_is_no_outlier():
    """Where the prescale column changes, counts may jump."""
    counts = [100] * 30 + [10] * 30
    lumis = lumi_rows(60, lambda n: 1 if n <= 30 else 2)
    assert outliers_of(hlt_rows({"HLT_A_v1": counts}), lumis) == ()


def test_many_paths_at_once_are_one_line():
    """Paths that are odd together are told together: none of them is to blame."""
    counts = [100] * 60
    counts[30] = 0
    paths = {f"HLT_{letter}_v1": counts for letter in "ABCDE"}
    (found,) = outliers_of(hlt_rows(paths), lumi_rows(60))
    assert (found.path, found.expected) == ("5 paths", 500.0)


def test_no_counts_are_no_outliers():
    """A table without rows has no outliers, nor has a path of few lumisections."""
    none = hlt_rows({})
    none = Table(none.arrow.cast(hlt_rows({"A": [1]}).arrow.schema))
    assert outliers_of(none, lumi_rows(3)) == ()
    assert outliers_of(hlt_rows({"A": [0, 100, 0]}), lumi_rows(3)) == ()


def test_the_axis_has_what_oms_lacks(demo):
    """A lumisection that OMS lacks has a slot, and no value and no flag."""
    lumis = demo.lumisections(297050)
    arrow = pa.concat_tables([lumis.arrow.slice(0, 10), lumis.arrow.slice(12, 5)])
    line = timeline(Table(arrow))
    assert len(line) == 17
    assert np.flatnonzero(~line.held).tolist() == [10, 11]
    pileup = next(c for c in line.curves if c.name == "Pileup").values
    assert np.isnan(pileup[10:12]).all()
    assert (line.flags[0].values[10:12] == -2).all()


def test_curves_are_the_columns(demo):
    """A curve holds the values of its column, at their lumisections."""
    lumis, rates = demo.lumisections(297050), demo.l1_rates(297050)
    line = timeline(lumis, rates)
    curves = {curve.name: curve for curve in line.curves}
    pileup = lumis["pileup"].to_numpy()
    np.testing.assert_array_equal(curves["Pileup"].values, pileup)
    assert curves["L1 physics rate"].unit == "Hz"
    at = rates["first_lumisection_number"].to_numpy() - 1
    np.testing.assert_array_equal(
        curves["L1 physics rate"].values[at], rates["l1a_physics_rate"].to_numpy()
    )


def test_parts_of_an_axis(demo):
    """A part of the axis has the same values; a choice blanks the others."""
    line = timeline(demo.lumisections(fill=5839, fields=list(LUMISECTIONS)))
    part = line.between(10, 19)
    assert len(part) == 10
    np.testing.assert_array_equal(part.numbers, line.numbers[10:20])
    assert [run for _, run in line.boundaries()][:2] == [297046, 297047]
    chosen = line.only(line.runs == 297047)
    kept = np.isfinite(chosen.curves[0].values)
    assert kept.sum() == (line.runs == 297047).sum()


def test_a_fill_warns_of_nothing(demo, recwarn):
    """A report asks for no field that would be null for want of a neighbour."""
    report(demo, fill=5839)
    assert [w for w in recwarn if issubclass(w.category, OMSWarning)] == []


def test_a_service_without_a_resource(demo, monkeypatch):
    """A service without downtimes or deadtimes has a report without them."""
    from omskit.client import BoundQuery
    from omskit.errors import NotFoundError

    fetch = BoundQuery.fetch

    def missing(self):
        if self.query.resource in {"deadtimes", "downtimes", "downtimesrun3"}:
            message = "no such resource"
            raise NotFoundError(message)
        return fetch(self)

    monkeypatch.setattr(BoundQuery, "fetch", missing)
    found = report(demo, run=297050)
    assert (found.deadtimes, found.downtimes) == (None, ())


def test_downtimes_that_oms_lists(demo, monkeypatch):
    """Downtimes of the run are part of the report."""
    from omskit.client import BoundQuery

    fetch = BoundQuery.fetch
    rows = pa.table({"start_time": [None], "lost_lumi": [1.0]})

    def listed(self):
        if self.query.resource == "downtimes":
            return Table(rows, resource="downtimes")
        return fetch(self)

    monkeypatch.setattr(BoundQuery, "fetch", listed)
    assert [len(t) for t in report(demo, run=297050).downtimes] == [1]


def test_a_mask_with_many_reasons(demo):
    """Of very many reasons the largest are told, and how many more there are."""
    lumis = demo.lumisections(297050, fields=list(LUMISECTIONS)).arrow
    for count, flag in enumerate(WATCHED[3:15], start=1):
        values = [True] * len(lumis)
        values[count * 10 : count * 10 + 3] = [False] * 3
        at = lumis.column_names.index(flag)
        lumis = lumis.set_column(at, flag, pa.array(values))
    mask = LumiMask.from_ranges([(297050, 1, 793)])
    (found,) = agreements_of(Table(lumis), {"all": mask})
    assert found.reasons[-1].endswith("more groups")


def test_a_flag_that_is_not_there(demo):
    """A table without a flag has no span of it."""
    lumis = demo.lumisections(297050, fields=["run_number", "lumisection_number"])
    assert spans_of(lumis) == ()


def test_what_a_store_lacks_is_noted(demo, monkeypatch):
    """What a store does not hold is left out of the report, and said in its notes."""
    from omskit.client import BoundQuery
    from omskit.errors import NotSyncedError

    fetch = BoundQuery.fetch

    def missing(self):
        if self.query.resource == "deadtimes":
            message = "The store does not hold 'deadtimes'."
            raise NotSyncedError(message)
        return fetch(self)

    monkeypatch.setattr(BoundQuery, "fetch", missing)
    found = report(demo, run=297050)
    assert found.deadtimes is None
    assert "The store does not hold 'deadtimes'." in found.notes
    assert "Deadtime with beam [" not in found.to_html()
