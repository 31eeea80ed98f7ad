"""What RateMon's DBParser and omstools ask: by both clients, with the same answers.

The questions are told in our own words: resource, filters, parameters, rows of a page.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import pytest

from omskit.errors import OMSWarning, UnknownFieldError


@dataclass(frozen=True)
class Asked:
    """One question, and the shape of its answer.

    Attributes:
        rows: How many come; None: one object.
        has: Attributes that each row has, nested ones with a dot.
    """

    name: str
    resource: str
    filters: tuple[tuple, ...]
    rows: int | None
    has: tuple[str, ...]
    custom: dict[str, str] = field(default_factory=dict)
    sort: tuple = ()
    per_page: int | None = 10000
    validation: bool = True

    def ask(self, api):
        """The document that *api* gets."""
        query = api.query(self.resource)
        query.set_validation(self.validation)
        for one in self.filters:
            query.filter(*one)
        for key, value in self.custom.items():
            query.custom(key, value)
        if self.sort:
            query.sort(*self.sort)
        if self.per_page is not None:
            query.per_page = self.per_page
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OMSWarning)  # of ten rows
            return query.data().json()


RUN = ("run_number", 297050)
REF = ("run_number", "373710")
LS = {"group[granularity]": "lumisection"}
WHOLE = {"group[granularity]": "run"}
FIRST, LAST = ("first_lumisection_number", -1, "GE"), ("last_lumisection_number", 99999)
BETWEEN = (RUN, FIRST, (*LAST, "LE"))


def fields(*names):
    return {"fields": ",".join(names)}


def l1(name, attribute, per_page=10000, rows=793):
    return Asked(
        name, "l1triggerrates", BETWEEN, rows, ("first_lumisection_number",
        f"{attribute}.rate"), LS | fields("first_lumisection_number", attribute),
        per_page=per_page,
    )  # fmt: skip


RATEMON = [
    Asked("columns by lumisection", "l1algorithmtriggers", (RUN, ("bit", 0)), 793,
          ("first_lumisection_number", "initial_prescale.prescale_index"),
          fields("first_lumisection_number", "initial_prescale")),
    Asked("keys", "l1configurationkeys", (RUN,), 1,
          ("l1_hlt_mode_stripped", "run_settings_key", "l1_key", "gt_key"),
          fields("l1_hlt_mode_stripped", "run_settings_key", "l1_key", "gt_key"),
          per_page=1),
    Asked("configuration", "hltconfig", (RUN,), 1, ("config_name",),
          fields("config_name"), per_page=1, validation=False),
    Asked("luminosity", "lumisections", (RUN, ("lumisection_number", -1, "GE")), 793,
          ("lumisection_number", "init_lumi", "physics_flag", "beam1_present",
           "hbhec_ready", "fpix_ready"), {"include": "meta"}),
    Asked("changes of the column", "prescalechanges", (RUN,), 3,
          ("lumisection_number", "new_prescale_index"),
          fields("lumisection_number", "new_prescale_index")),
    Asked("ends of the run", "hltpathrates", (RUN,), 10,
          ("first_lumisection_number", "last_lumisection_number"), WHOLE,
          per_page=None),
    Asked("rates of a lumisection", "hltpathrates",
          (RUN, ("first_lumisection_number", 5)), 278, ("path_name", "rate")),
    Asked("rates of a path", "hltpathrates",
          (RUN, ("path_name", "HLT_ZeroBias_v5"), FIRST, (*LAST, "LE")), 786,
          ("first_lumisection_number", "rate"),
          fields("first_lumisection_number", "rate")),
    Asked("numbers of paths", "hltpathinfo", (RUN,), 278, ("path_name", "path_id"),
          fields("path_name", "path_id"), validation=False),
    Asked("L1 prescales", "l1prescalesets", (RUN,), 40,
          ("algo_index", "algo_name", "algo_mask", "prescales")),
    Asked("seeds", "hltconfigdata", (RUN,), 278, ("path_name", "l1_prerequisite"),
          fields("path_name", "l1_prerequisite"), validation=False),
    Asked("names and bits", "l1prescalesets", (RUN,), 40, ("algo_name", "algo_index"),
          fields("algo_name", "algo_index", "algo_mask")),
    Asked("HLT prescales", "hltprescalesets", (RUN,), 278, ("path_name", "prescales"),
          validation=False),
    Asked("names of columns", "hltprescalesets", (RUN,), 1, ("prescales",), per_page=1,
          validation=False),
    Asked("fill of a run", "runs", (RUN,), 1, ("fill_number",), fields("fill_number"),
          per_page=1),
    Asked("bunches", "fills", (("fill_number", 5839),), 1,
          ("bunches_colliding", "bunches_target"),
          fields("bunches_colliding", "bunches_target"), per_page=1),
    Asked("beam mode", "diplogger",
          (("source_dir", "dip/acc/LHC/RunControl/BeamMode"), ("dip_time", "last")), 1,
          ("value",), per_page=None),
    Asked("deadtime", "deadtimes", BETWEEN, 793, ("beamactive_total_deadtime.percent",),
          LS | fields("first_lumisection_number", "beamactive_total_deadtime")),
    l1("physics lost", "trigger_physics_lost", per_page=None, rows=10),
    l1("physics", "l1a_physics"),
    l1("calibration", "l1a_calibration"),
    l1("random", "l1a_random"),
    l1("total", "l1a_total"),
    Asked("newest run", "runs", (("last_lumisection_number", 1, "GE"),), 1,
          ("run_number",), fields("run_number"), sort=("run_number", False),
          per_page=1),
    Asked("trigger mode", "runs", (RUN,), 1, ("trigger_mode",), fields("trigger_mode"),
          per_page=1),
    Asked("runs of a fill", "lumisections", (("fill_number", 5839),), 1100,
          ("physics_flag", "beam1_stable", "beam2_stable", "run_number"),
          fields("physics_flag", "beam1_stable", "beam2_stable", "run_number")),
    Asked("newest fill", "runs", (("stable_beam", True),), 1, ("fill_number",),
          fields("fill_number"), sort=("fill_number", False), per_page=1),
    Asked("paths of streams", "hltconfigdata", (RUN,), 278,
          ("stream_name", "path_name"), fields("stream_name", "path_name"),
          validation=False),
    Asked("algorithms", "l1prescalesets", (RUN,), 40, ("algo_name",),
          fields("algo_name")),
    Asked("all rates at once", "l1algorithmtriggers/ratemon", (RUN,), None,
          ("lumisections", "names", "prescales"), per_page=None),
    Asked("rates of an algorithm", "l1algorithmtriggers",
          (RUN, ("name", "L1_ZeroBias")), 793,
          ("pre_dt_before_prescale_rate", "initial_prescale.prescale"),
          fields("pre_dt_before_prescale_rate", "initial_prescale",
                 "first_lumisection_number")),
    Asked("streams", "streams", (RUN, ("last_lumisection_number", 5)), 6,
          ("stream_name", "rate", "file_size", "bandwidth"),
          fields("last_lumisection_number", "rate", "file_size", "bandwidth",
                 "stream_name")),
]  # fmt: skip

PATH = ("path_name", "HLT_ZeroBias_v8")
MENU = ("config_name", "/cdaq/physics/Run2023PPRef/v1.1.2/HLT/V1")
OMSTOOLS = [
    Asked("hltcount: a path", "hltpathrates", (PATH, REF), 157, ("counter",),
          per_page=3000),
    Asked("hltcount: a range", "hltpathrates",
          (PATH, REF, ("first_lumisection_number", 100, "GE"),
           ("last_lumisection_number", 150, "LE")), 51, ("counter",), per_page=3000),
    Asked("hltcount: two ranges, bounds added up", "hltpathrates",
          (PATH, REF, ("first_lumisection_number", 100, "GE"),
           ("last_lumisection_number", 150, "LE"),
           ("first_lumisection_number", 20, "GE"),
           ("last_lumisection_number", 30, "LE")), 131, ("counter",), per_page=3000),
    Asked("hltcount: times", "lumisections",
          (("start_time", "2023-09-19T18:00:00", "GE"),
           ("end_time", "2023-09-20", "LE")), 70,
          ("run_number", "lumisection_number"), per_page=100),
    Asked("hltrunsummary: run", "runs", (REF,), 1,
          ("fill_type_party1", "stable_beam", "hlt_key", "hlt_physics_throughput"),
          per_page=None),
    Asked("hltrunsummary: menu", "hltconfigdata", (MENU,), 29,
          ("path_name", "l1_prerequisite"), per_page=1000),
    Asked("hltrunsummary: path", "hltpathinfo", (PATH, REF), 1,
          ("rate", "l1_pass", "ps_pass", "accepted"), per_page=1000),
    Asked("l1runsummary", "l1algorithmtriggers", (REF,), 42,
          ("bit", "name", "pre_dt_before_prescale_rate", "pre_dt_rate",
           "post_dt_rate", "post_dt_hlt_rate"), WHOLE, per_page=1000),
    Asked("listruns, hlttime", "runs",
          (("start_time", "2023-09-19T18:00:00", "GE"),
           ("end_time", "2023-09-20", "LE")), 1,
          ("hlt_key", "recorded_lumi", "delivered_lumi", "l1_rate"), per_page=100),
    Asked("ratetable: paths of a run", "hltpathinfo", (REF,), 29,
          ("path_name", "rate", "accepted"), per_page=100, validation=False),
    Asked("ratetable: paths of a lumisection", "hltpathrates",
          (REF, ("lumisection_number", "140")), 29, ("path_name", "rate", "counter"),
          LS, per_page=100, validation=False),
    Asked("ratetable: algorithms of a lumisection", "l1algorithmtriggers",
          (REF, ("lumisection_number", "140")), 42,
          ("name", "post_dt_rate", "post_dt_counter"), LS, per_page=100,
          validation=False),
    Asked("ratevsls, runls", "lumisections",
          (("run_number", "373710", "GE"), ("run_number", "373710", "LE")), 100,
          ("beams_stable", "init_lumi", "end_lumi", "prescale_name", "recorded_lumi"),
          per_page=100),
    Asked("runfill4web", "fills", (("fill_number", 9168),), 1,
          ("injection_scheme", "fill_type_party1", "bunches_colliding")),
]  # fmt: skip

EVERY = [pytest.param(one, id=one.name.replace(" ", "-")) for one in RATEMON + OMSTOOLS]


@pytest.mark.parametrize("asked", EVERY)
def test_both_clients_get_rows_of_the_right_shape(official, facade, asked):
    """Rows, their number and their attributes are those that the script works with."""
    document = asked.ask(facade)
    assert document == asked.ask(official)
    data = document["data"]
    found = [data] if asked.rows is None else data
    assert len(found) == (1 if asked.rows is None else asked.rows)
    for row in found:
        for name in asked.has:
            outer, _, inner = name.partition(".")
            value = row["attributes"][outer]
            assert not inner or inner in value


def test_units_of_runs_are_there_where_omstools_looks(facade):
    """Each run that listruns prints has units of its luminosities in its row."""
    for number in (373664, 373710, 374810):
        (row,) = facade.query("runs").filter("run_number", number).data().json()["data"]
        units = row["meta"]["row"]
        assert {"delivered_lumi", "recorded_lumi"} <= set(units)
    assert units["recorded_lumi"]["units"] == r"{\mu}b^{-1}"


def test_the_filter_that_ratemon_misspells(official, facade):
    """The official client leaves it out, and says so to nobody; ours sends nothing."""
    bounds = (RUN, ("lumisection_number", 5, "GE"), ("lumiseciton_number", 9, "LE"))
    asked = Asked("", "lumisections", bounds, 789, ())
    assert len(asked.ask(official)["data"]) == 789
    with pytest.raises(UnknownFieldError, match="Did you mean 'lumisection_number'"):
        asked.ask(facade)
