"""Masks out of the flags that OMS keeps per lumisection.

Each ``*_ready`` flag says that the high voltage of one part was on. A preset is a list
of such flags. A lumisection is good where every flag is true, known not to be where one
is false, and unknown where none is false and some is null: a null is no "off".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from omskit.errors import (
    MaskError,
    Remedy,
    did_you_mean,
)
from omskit.lumi.mask import LumiMask
from omskit.lumi.tables import as_arrow

if TYPE_CHECKING:
    from collections.abc import Iterable

PIXEL = ("bpix_ready", "fpix_ready")
TRACKER = ("tibtid_ready", "tob_ready", "tecp_ready", "tecm_ready")
ECAL = (
    "ebp_ready", "ebm_ready", "eep_ready", "eem_ready", "esp_ready", "esm_ready",
)  # fmt: skip
HCAL = ("hbhea_ready", "hbheb_ready", "hf_ready", "ho_ready")
MUON = (
    "dt0_ready", "dtp_ready", "dtm_ready", "cscp_ready", "cscm_ready", "rpc_ready",
)  # fmt: skip

PRESETS: dict[str, tuple[str, ...]] = {
    "pixel": PIXEL,
    "tracker": TRACKER,
    "ecal": ECAL,
    "hcal": HCAL,
    "muon": MUON,
    "all": (*PIXEL, *TRACKER, *ECAL, *HCAL, *MUON),
}
"""Which flags each name stands for.

``tracker`` is the strips (the pixels have a name of their own), ``ecal`` includes the
preshower. ``all`` is these five. What is asked for by its own name only: GEM and Roman
pots, which are null in old runs; CASTOR, ZDC and ``hbhec_ready``, which are false in
the recorded answer of OMS on run 297050, lumisection 1, where all others are true.
"""

BEAM = ("cms_active", "beams_stable", "physics_flag")
"""What else speaks for a lumisection; each is a column of OMS."""

Word = str


def flags_of(require: Word | Iterable[Word]) -> tuple[str, ...]:
    """The columns that a list of presets and columns stands for, each once.

    Args:
        require: Names of `PRESETS` or of columns; one of them, or several.

    Raises:
        MaskError: Nothing was named.

    Example:
        >>> flags_of(["pixel", "cms_active"])
        ('bpix_ready', 'fpix_ready', 'cms_active')
    """
    words = [require] if isinstance(require, str) else list(require)
    names = dict.fromkeys(n for word in words for n in PRESETS.get(word, (word,)))
    if not names:
        message = (
            "require= names no flag, so every lumisection would be good. Give presets "
            f"({', '.join(PRESETS)}) or columns such as cms_active."
        )
        raise MaskError(message)
    return tuple(names)


def dcs_mask(table: Any, require: Word | Iterable[Word]) -> LumiMask:
    """The lumisections where every required flag is on.

    Args:
        table: Rows of ``lumisections``, as a `Table` or anything that speaks Arrow.
        require: Presets (`PRESETS`: pixel, tracker, ecal, hcal, muon, all) and columns
            (``cms_active``, ``beams_stable``, ``physics_flag``, any ``*_ready``).

    Returns:
        Good where all flags are true; known, and not good, where one is false; unknown
        where none is false and one is null.

    Raises:
        MaskError: A column is missing or not boolean, or rows contradict each other.

    Cost: O(rows x flags + rows log rows).

    Example:
        >>> import pyarrow as pa
        >>> rows = pa.table({"run_number": [1, 1, 1], "lumisection_number": [1, 2, 3],
        ...     "cms_active": [True, True, False], "hf_ready": [True, None, None]})
        >>> mask = dcs_mask(rows, ["hf_ready", "cms_active"])
        >>> mask.good, (~mask).good
        (LumiMask.from_ranges([(1, 1, 1)]), LumiMask.from_ranges([(1, 3, 3)]))
    """
    arrow = as_arrow(table)
    flags = flags_of(require)
    verdict: Any = pa.chunked_array([pa.repeat(pa.scalar(True), arrow.num_rows)])
    for name in flags:
        # Kleene's logic: false wins over null, null over true.
        verdict = pc.and_kleene(verdict, _flag(arrow, name))
    return LumiMask.from_table(with_column(arrow, VERDICT, verdict), VERDICT)


VERDICT = "every required flag"
"""The column of `dcs_mask`, as it shows in messages."""


def with_column(arrow: pa.Table, name: str, values: Any) -> pa.Table:
    """The columns that say which lumisection, and one more."""
    kept = [c for c in arrow.column_names if c.endswith(("run_number", "_number"))]
    return arrow.select(kept).append_column(name, values)


def _flag(arrow: pa.Table, name: str) -> Any:
    if name not in arrow.column_names:
        hint = did_you_mean(name, [*PRESETS, *arrow.column_names])
        message = (
            f"{name!r} is no preset ({', '.join(PRESETS)}) and no column of the table."
            f"{hint}"
        )
        remedy = Remedy(
            "Fetch the rows without fields=, or with this one.", "Leave --fields out."
        )
        raise MaskError(message, remedy=remedy)
    column = arrow.column(name)
    if pa.types.is_null(column.type):
        return column.cast(pa.bool_())
    if not pa.types.is_boolean(column.type):
        message = f"Column {name!r} is {column.type}, no flag. Name a boolean column."
        raise MaskError(message)
    return column
