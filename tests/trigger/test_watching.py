"""A run that grows: alerts come once, when their time comes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.support.changing import Rows

from omskit import NoRowError, UsageError
from omskit.trigger import fit, hlt, summary, watch

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 315270
PATHS = ["HLT_Mu50", "HLT_IsoMu27"]


@pytest.fixture(scope="module")
def fitted(oms):
    return fit(hlt(oms, [315264, 315267], paths=PATHS))


class Growing(Rows):
    """The demo, up to a lumisection that moves."""

    def __init__(self, oms, upto, last=640):
        super().__init__(oms, self.cut)
        self.upto, self.last = upto, last

    def cut(self, resource, arrow):
        for name in ("lumisection_number", "first_lumisection_number"):
            if name in arrow.column_names and resource != "prescalechanges":
                arrow = arrow.filter(pc.less_equal(arrow[name], self.upto))
        if "end_time" in arrow.column_names and self.upto < self.last:
            at = arrow.schema.get_field_index("end_time")
            kind = arrow.schema.field(at).type
            arrow = arrow.set_column(at, "end_time", pa.nulls(len(arrow), kind))
        return arrow


def test_alerts_come_once_and_in_time(oms, fitted):
    """A dead path is told in the look that sees it, and once."""
    growing = Growing(oms, 250)

    def pause():
        growing.upto = min(growing.upto + 25, growing.last)

    found = watch(growing, RUN, fitted, pause=pause)
    seen = [(alert["path"], alert["kind"], growing.upto) for alert in found]
    assert [(path, kind) for path, kind, _ in seen] == [
        ("HLT_Mu50", "dead"),
        ("HLT_IsoMu27", "high"),
    ]
    assert 301 <= seen[0][2] <= 350
    assert 401 <= seen[1][2] <= 450


def test_nothing_yet(oms, fitted):
    """A run without lumisections gives no alert; looks can be limited."""
    pauses = []
    found = watch(Growing(oms, 0), RUN, fitted, pause=lambda: pauses.append(1), looks=3)
    assert list(found) == []
    assert len(pauses) == 2


def test_no_run_and_no_path(oms, fitted):
    """A run that OMS does not have, or that has no path of the fit, is an error."""
    with pytest.raises(NoRowError, match="no run 1"):
        list(watch(oms, 1, fitted, pause=lambda: None))
    strange = type(fitted)(
        {"HLT_Strange": fitted["HLT_Mu50"]}, {}, "pileup", fitted.made_of
    )
    with pytest.raises(UsageError, match="no path of the fit"):
        list(watch(oms, RUN, strange, pause=lambda: None))


def test_summaries(oms):
    """The summary of a path is that of its lumisections, also where none counts."""
    cube = hlt(oms, [297050, 297055], paths="HLT_Mu50")
    (whole,) = summary(cube).to_records()
    first, second = summary(cube, by_run=True).to_records()
    assert whole["counts"] == first["counts"]
    assert second["counts"] is None
    assert second["rate"] is None
    assert second["recorded_lumi"] is None
    assert whole["cross_section"] == pytest.approx(6.6e-4 * 8e4 / 11245.5, rel=0.01)
    assert summary(cube).units["cross_section"] == "ub"
