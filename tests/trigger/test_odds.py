"""Cubes that are empty, of other kinds, or of many runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from omskit import Client, LumiMask, ServerFailedError
from omskit.drivers import LocalSender
from omskit.drivers.engine_source import demo_service
from omskit.effects import Response
from omskit.server import respond
from omskit.trigger import (
    alerts,
    fit,
    hlt,
    l1,
    luminosity,
    streams,
    summary,
)

pytestmark = pytest.mark.filterwarnings("ignore::omskit.OMSWarning")
RUN = 297049


def test_summary_of_streams(oms):
    """A stream has counts and rates, and no luminosity of its own."""
    rows = summary(streams(oms, RUN, names="Physics")).to_records()
    assert rows[0]["counts"] > 0
    assert rows[0]["recorded_lumi"] is None
    assert rows[0]["status"] is None


def test_summary_of_a_bit(oms):
    """An L1 cross-section is counted before prescale, over what was delivered."""
    cube = l1(oms, RUN, names="L1_SingleMu22").good()
    (row,) = summary(cube).to_records()
    before = cube.counters["pre_dt_before_prescale"][0]
    known = np.isfinite(cube.counts[0])
    delivered = cube.conditions.delivered[known].sum() * 1e6
    assert row["cross_section"] == pytest.approx(before[known].sum() / delivered)
    assert row["off"] is None


def test_summary_without_luminosity(oms):
    """In a run whose luminosity is null no cross-section is made up."""
    (row,) = summary(hlt(oms, 297052, paths="HLT_ZeroBias")).to_records()
    assert row["counts"] is not None
    assert row["cross_section"] is None
    assert row["recorded_lumi"] in {None, 0.0}


def test_a_cube_without_lumisections(oms):
    """An empty part has no alerts, no gaps, and a table without rows."""
    whole = hlt(oms, [315264], paths="HLT_Mu50")
    none = whole.select("*", LumiMask())
    assert none.shape == (1, 0)
    assert len(none.table("rate", "prescale")) == 0
    assert not none.missing
    assert len(alerts(none, fit(whole))) == 0
    assert "0 lumisections" in repr(none)


def test_many_runs_in_one_line(oms):
    """Of many runs the first four are named."""
    cube = hlt(oms, (297046, 297051), paths="HLT_Mu50")
    assert "and 2 more" in repr(cube)
    real = replace(cube, simulated=False, late=((297046, 999),), notes=("A note.",))
    text = repr(real)
    assert "simulated" not in text
    assert "297046:999" in text
    assert "A note." in text
    assert not any("Simulated" in note for note in real.table("rate").warnings)


def test_streams_as_xarray(oms):
    """Streams have no prescale in xarray either."""
    pytest.importorskip("xarray")
    made = streams(oms, RUN).to_xarray()
    assert "prescale" not in made
    assert "rate" in made


def test_text_of_a_luminosity(oms):
    """A luminosity that is not simulated does not say so."""
    found = luminosity(oms, RUN, paths="HLT_Mu50")
    assert "simulated" in repr(found)
    assert "simulated" not in repr(replace(found, simulated=False))


def test_a_path_that_never_counts(oms):
    """A path that was off all the time has no effective luminosity."""
    found = luminosity(oms, 315264, paths="HLT_Ele27_WPTight_Gsf")
    (row,) = found.table.to_records()
    assert row["effective_lumi"] is None
    assert row["status"] == "off or unknown"
    assert "unknown effective" in repr(found)


def test_other_failures_stay_failures():
    """A service that breaks is an error, not a reason to read everything."""
    service = demo_service("http://demo.invalid/agg/api/v1")

    def broken(asked):
        if "hltpathrates" in asked.url:
            return Response(500, {}, b"")
        return respond(asked, service)

    settings = {"retries": 0}
    with (
        Client("demo", sender=LocalSender(broken), **settings) as oms,
        pytest.raises(ServerFailedError),
    ):
        hlt(oms, RUN, paths=["HLT_I*", "HLT_P*", "HLT_D*"])
