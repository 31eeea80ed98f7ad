"""Why a lumisection is good or not."""

from __future__ import annotations

from importlib.resources import files

import pyarrow as pa
import pytest

from omskit import Client
from omskit.errors import MaskError
from omskit.lumi import PRESETS, LumiMask, dcs_mask, why, why_differ
from omskit.lumi.reasons import named

DIFFERING = (
    *(18, 19, 36, 42, 48, 54, 55, 61, 67, 73, 78, 84, 90, 91, 92, 103, 109, 115, 121),
    *(127, 128, 140, 146, 152, 167, 168, 174, 180, 186, 192, 198, 199, 211, 217, 223),
    *(224, 230, 236, 242, 248, 250, 251, 257),
)
"""Run 306458: off in the DCS-only file, cms_active true.
Source: ML4DQMDC-PixelAE omsapi/example.ipynb @af49037."""

ROWS = pa.table(
    {
        "run_number": [7] * 6,
        "lumisection_number": [1, 2, 3, 4, 5, 6],
        "cms_active": [True, True, True, True, None, False],
        "bpix_ready": [True, True, False, False, True, False],
        "fpix_ready": [True, True, False, False, True, None],
    }
)
GOLDEN = {"golden": LumiMask.from_ranges([(7, 1, 1), (7, 4, 4), (7, 9, 9)])}


@pytest.mark.parametrize(
    ("lumisection", "word"),
    [(1, "good"), (2, "disputed"), (3, "bad"), (4, "disputed"), (6, "bad"),
     (8, "missing"), (9, "disputed")],
)  # fmt: skip
def test_the_verdict_in_one_word(lumisection, word) -> None:
    """Flags and masks vote; where they do not agree it is disputed."""
    assert why(7, lumisection, ROWS, GOLDEN).word == word


def test_a_null_flag_is_unknown() -> None:
    """A flag that is null speaks neither for nor against."""
    verdict = why(7, 5, ROWS)
    assert verdict.word == "unknown"
    assert verdict.state.unknown == ("cms_active",)
    inside = LumiMask.from_pairs([(7, 5)])
    assert why(7, 5, ROWS, {"in": inside}).word == "unknown"
    assert why(7, 5, ROWS, {"in": inside, "out": LumiMask()}).word == "disputed"
    assert "Unknown: cms_active." in str(verdict)
    assert why(7, 6, ROWS).state.text() == "off: cms_active, bpix; unknown: fpix"


def test_neighbours_of_the_same_state_are_one_stretch() -> None:
    """The verdict says how far the same holds and what lies beside it."""
    verdict = why(7, 4, ROWS)
    assert verdict.stretch == (3, 4)
    assert verdict.before is not None
    assert verdict.before.word() == "good"
    assert verdict.after is not None
    assert verdict.after.word() == "unknown"
    assert "The same holds for 3-4. Beside it: 2 good (every flag is on); 5" in str(
        verdict
    )
    assert why(7, 1, ROWS).before is None
    assert why(7, 6, ROWS).after is None


def test_a_lumisection_that_oms_lacks_is_missing() -> None:
    """What OMS does not hold is said to be missing, not bad."""
    verdict = why(8, 1, ROWS)
    assert verdict.word == "missing"
    assert str(verdict) == "Run 8, lumisection 1: missing. OMS has no such lumisection."


@pytest.mark.parametrize(("run", "lumisection"), [(0, 1), (7, 0), (7, -3)])
def test_numbers_below_one_are_refused(run, lumisection) -> None:
    """Runs and lumisections count from 1."""
    with pytest.raises(MaskError, match="count from 1"):
        why(run, lumisection, ROWS)


def test_a_table_without_flags_is_refused() -> None:
    """Without flags there is no reason to give."""
    with pytest.raises(MaskError, match="none of the flags"):
        why(7, 1, ROWS.select(["run_number", "lumisection_number"]))


def test_flags_are_named_by_preset_where_all_are_there() -> None:
    """All flags of one preset are its name, all of all are every detector."""
    assert named(PRESETS["hcal"][:2]) == "hbhea, hbheb"
    assert named((*PRESETS["hcal"], "cms_active")) == "all of hcal, cms_active"
    assert named(("cms_active", *PRESETS["all"])) == "every detector, cms_active"


def test_differences_are_grouped_by_reason() -> None:
    """The groups together are the difference, the largest first."""
    a, b = dcs_mask(ROWS, "cms_active"), LumiMask.from_ranges([(7, 1, 1), (7, 9, 9)])
    groups = why_differ(a, b, ROWS, names=("active", "mask"))
    assert [list(g.lumisections) for g in groups] == [
        [(7, 3), (7, 4)],
        [(7, 2)],
        [(7, 9)],
    ]
    assert str(groups[0]) == (
        "2 lumisections: off: all of pixel; in active; not in mask: 7:3-4"
    )
    assert not why_differ(a, a, ROWS)


def test_the_last_figure_of_the_seed_in_words() -> None:
    """In run 306458 cms_active and DCS-only differ 43 times, for one reason."""
    folder = files("omskit.demo") / "certification"
    dcs = LumiMask.from_json((folder / "json_DCSONLY_2017.txt").read_text("utf-8"))
    with Client("demo") as oms:
        table = oms.lumisections(306458)
    active = dcs_mask(table, "cms_active")
    (group,) = why_differ(active, dcs.restrict(306458), table, names=("active", "DCS"))
    assert tuple(n for _, n in group.lumisections) == DIFFERING
    assert group.state.off == PRESETS["pixel"]
    assert "(simulated flags)" in str(group)
    assert len(active) == 268
    # 269 is off in both; 44 numbers are off in the DCS-only file up to there.
    verdict = why(306458, 269, table, {"DCS-only": dcs})
    assert verdict.word == "bad"
    assert str(verdict).endswith("The flags are simulated by the demo.")
    assert dcs.contains(306458, range(1, 270)).sum() == 269 - 44
