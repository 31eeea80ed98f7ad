"""Flat trees for ROOT: one row per lumisection, one branch per path, bit or stream.

Branches have the names of OMSRatesNtuple where they mean the same: ``HLT_Mu50_v`` is
the counter of a path without the number of its version, ``L1_ZeroBias`` the counter of
a bit before prescale and dead time, ``Dataset_X``, ``Stream_X`` and
``StreamBandwidth_X``. What OMS does not have is NaN, not 0.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from omskit._extras import load
from omskit.errors import UsageError
from omskit.files import write_whole
from omskit.trigger.building import datasets, hlt, l1, streams
from omskit.trigger.conditions import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from omskit.client.options import Selector
    from omskit.trigger.columns import Asks
    from omskit.trigger.cube import Cube

    Branches = dict[str, NDArray[Any]]

TREE = "tree"
PARTS = ("hlt", "l1", "datasets", "streams")


def branches(
    client: Asks,
    runs: Selector,
    *,
    paths: str | Iterable[str] = "*",
    parts: Iterable[str] = PARTS,
) -> Branches:
    """The branches of a flat tree of some runs.

    Args:
        client: An `omskit.Client`.
        runs: As for ``client.runs``.
        paths: Which HLT paths.
        parts: Of ``"hlt"``, ``"l1"``, ``"datasets"``, ``"streams"``; the first is
            always there.

    Raises:
        NoRowError: OMS has no such runs or paths.
        UsageError: There is no such part.

    Cost: that of `hlt`, `l1`, `datasets` and `streams`.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     found = branches(oms, 297050, paths="HLT_Mu50", parts=["hlt"])
        >>> found["lumisection"][1].item(), found["HLT_Mu50_v"][1].item()
        (2, 717.0)
    """
    wanted = list(parts)
    strange = [part for part in wanted if part not in PARTS]
    if strange:
        message = f"There is no part {strange[0]!r}: they are {', '.join(PARTS)}."
        raise UsageError(message)
    cube = hlt(client, runs, paths=paths)
    found = _conditions(cube)
    found |= {
        f"{name}_v": row for name, row in zip(cube.paths, cube.counts, strict=True)
    }
    if "l1" in wanted:
        bits = l1(client, runs)
        found |= _joined(cube, bits, bits.counters["pre_dt_before_prescale"], "")
    if "datasets" in wanted:
        other = datasets(client, runs)
        found |= _joined(cube, other, other.counts, "Dataset_")
    if "streams" in wanted:
        other = streams(client, runs)
        found |= _joined(cube, other, other.counts, "Stream_")
        bandwidth = other.counters["bandwidth"]
        found |= _joined(cube, other, bandwidth, "StreamBandwidth_")
    return found


def _conditions(cube: Cube) -> Branches:
    here = cube.conditions
    return {
        "run": here.run.astype(np.int32),
        "lumisection": here.lumisection.astype(np.int32),
        "lumi": here.lumisection.astype(np.int32),
        "fill": np.where(np.isfinite(here.fill), here.fill, -1).astype(np.int32),
        "cms_active": here.active,
        "beams_stable": here.stable,
        "pileup": here.pileup,
        "delivered_lumi_per_lumisection": here.delivered,
        "recorded_lumi_per_lumisection": here.recorded,
        "live_fraction": here.live,
        "bunches_colliding": here.bunches,
        "prescale_index": here.column,
    }


def _joined(cube: Cube, other: Cube, values: Any, before: str) -> Branches:
    """Rows of another cube at the lumisections of the first."""
    here = cube.conditions
    at = place(other.conditions, here.run, here.lumisection)
    found = {}
    for name, row in zip(other.paths, values, strict=True):
        found[f"{before}{name}"] = np.where(at >= 0, row[at], np.nan)
    return found


def check_place(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is asked for.

    Raises:
        MissingExtraError: uproot is not installed.
        UsageError: The folder is not there, or the name is that of a folder.
    """
    load("uproot", "write ROOT files")
    if path.is_dir():
        message = f"Cannot write {path}: it is a folder. Name a file in it."
        raise UsageError(message)
    if not path.parent.is_dir():
        message = f"Cannot write {path}: there is no folder {path.parent}."
        raise UsageError(message)


def write_ntuple(path: Path, found: Mapping[str, NDArray[Any]]) -> None:
    """Write branches to a ROOT file, as a tree called "tree".

    The file appears whole: one that is there stays as it is until then.

    Raises:
        MissingExtraError: uproot is not installed.
        UsageError: The file cannot be written.
    """
    uproot = load("uproot", "write ROOT files")
    check_place(path)

    def write(stream: BinaryIO) -> None:
        # uproot reads what it has written, which a stream for writing alone refuses.
        whole = BytesIO()
        with uproot.recreate(whole) as file:
            file.mktree(TREE, {name: values.dtype for name, values in found.items()})
            file[TREE].extend(dict(found))
            stream.write(whole.getbuffer())

    write_whole(path, write, UsageError)
