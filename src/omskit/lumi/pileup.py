"""Pileup of a mask: the profile weighted by luminosity, and pileup JSON.

A pileup JSON has, for each run, lists of (lumisection, recorded luminosity in /ub, rms
over the bunches, mean over the bunches). The last two are pileup per microbarn: times
the cross-section they are pileup. Source: RecoLuminosity/LumiDB/scripts of CMSSW
(makePileupJSON.py writes it, pileupCalc.py reads it).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from omskit.errors import DecodeError, MaskError, UsageError
from omskit.lumi.edges import SHIFT
from omskit.lumi.integral import is_simulated, places, shown, table_for
from omskit.lumi.mask import LumiMask
from omskit.lumi.sources import Source, content_of
from omskit.lumi.tables import RUN, SINGLE, as_arrow
from omskit.schema.units import INTEGRATED, factor
from omskit.table import Table, unit_of, with_unit
from omskit.table.shown import Told

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

RECORDED, PILEUP, SPREAD = "recorded_lumi_per_lumisection", "pileup", "pileup_rms"
CROSS_SECTION_UB = 69200.0
"""What CMS recommends for Run 2: 69.2 mb. Source: the TWiki page PileupJSONFileforData,
as the scripts of analyses quote it."""
FIELDS = (RUN, SINGLE, PILEUP, RECORDED)


@dataclass(frozen=True, slots=True)
class PileupProfile(Told):
    """How much luminosity was recorded at which pileup.

    Attributes:
        edges: Of the bins, n + 1.
        lumi_pb: In each bin, in /pb.
        outside_pb: At a pileup beyond the bins, in /pb.
        missing: Lumisections without luminosity or pileup.
        simulated: The rows come from the demo.
    """

    edges: Floats
    lumi_pb: Floats
    outside_pb: float
    missing: LumiMask
    simulated: bool = False

    @property
    def complete(self) -> bool:
        """Every lumisection of the mask is in it."""
        return not self.missing

    @property
    def total_pb(self) -> float:
        """All of the luminosity, in /pb."""
        return float(self.lumi_pb.sum()) + self.outside_pb

    @property
    def density(self) -> Floats:
        """Probability per unit of pileup, as for weights; 0 where there is none."""
        whole = self.lumi_pb.sum()
        widths = np.diff(self.edges)
        return self.lumi_pb / (whole * widths) if whole else np.zeros(len(widths))

    @property
    def mean(self) -> float | None:
        """Mean pileup, of the bins' centres; None where there is no luminosity."""
        whole = self.lumi_pb.sum()
        centres = (self.edges[1:] + self.edges[:-1]) / 2
        return float((self.lumi_pb * centres).sum() / whole) if whole else None

    def table(self) -> Table:
        """One row per bin: pileup_from, pileup_to, lumi (/pb)."""
        arrow = pa.table(
            {
                "pileup_from": self.edges[:-1],
                "pileup_to": self.edges[1:],
                "recorded_lumi": self.lumi_pb,
            }
        )
        field = with_unit(arrow.schema.field(2), "/pb")
        arrow = arrow.cast(arrow.schema.set(2, field))
        return Table(arrow, resource="pileup profile")

    def __str__(self) -> str:
        """One or two lines for humans."""
        mean = "none" if self.mean is None else f"{self.mean:.2f}"
        text = f"{self.total_pb:.6g} /pb recorded, mean pileup {mean}."
        if self.outside_pb:
            text += f" {self.outside_pb:.6g} /pb lie beyond the bins."
        if self.missing:
            text += (
                f" {len(self.missing)} lumisections have no pileup or luminosity: "
                f"{shown(self.missing)}."
            )
        return text + (" Simulated by the demo." if self.simulated else "")


def pileup_profile(
    mask: LumiMask,
    source: Any,
    *,
    bins: int | Floats | list[float] = 100,
    most: float = 100.0,
    scale: float = 1.0,
) -> PileupProfile:
    """The pileup of a mask, each lumisection weighted by what it recorded.

    Args:
        mask: Which lumisections; an open end must be closed first.
        source: Rows of ``lumisections``, of brilcalc or of `read_pileup`, or a client.
        bins: How many from 0 to *most*, or their edges.
        most: Where the last bin ends.
        scale: Times this is the pileup that is meant: another cross-section than that
            of the source, divided by that of the source.

    Where the rows have the spread over the bunches (``pileup_rms``), a lumisection is
    a Gaussian of that width, as in CMSSW; else it is in one bin.

    Raises:
        MaskError: The rows lack a column, or the mask has an open end.

    Example:
        >>> from omskit import Client
        >>> with Client("demo") as oms:
        ...     print(pileup_profile(LumiMask.from_ranges([(297050, 1, 50)]), oms))
        7.48... /pb recorded, mean pileup 39.4... Simulated by the demo.
    """
    edges = np.linspace(0, most, bins + 1) if isinstance(bins, int) else np.array(bins)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        message = f"bins={bins!r:.80}: a number of bins, or edges that ascend."
        raise UsageError(message)
    found = table_for(mask, source, FIELDS)
    rows = as_arrow(found)
    runs, numbers = mask.pairs()
    lumi, pileup, spread = (
        _column(rows, name, (runs << SHIFT) + numbers)
        for name in (RECORDED, PILEUP, SPREAD)
    )
    known = np.isfinite(lumi) & np.isfinite(pileup)
    weights = _spread_over(
        edges, pileup[known] * scale, np.nan_to_num(spread[known]) * scale, lumi[known]
    )
    missing = LumiMask.from_pairs(np.column_stack((runs[~known], numbers[~known])))
    outside = float(lumi[known].sum() - weights.sum())
    return PileupProfile(
        edges.astype(float),
        weights,
        outside if abs(outside) > 1e-9 * max(float(weights.sum()), 1e-9) else 0.0,
        missing,
        is_simulated(found),
    )


def _column(rows: pa.Table, name: str, keys: Any) -> Floats:
    """A column for each lumisection, nan where there is none; luminosity in /pb."""
    if name not in rows.column_names:
        if name == SPREAD or not len(rows):
            return np.full(len(keys), np.nan)
        message = f"The rows have no column {name!r}, which a profile is made of."
        raise MaskError(message)
    values = rows.column(name).cast(pa.float64()).to_numpy()
    if name == RECORDED and len(rows):
        unit = unit_of(rows.schema.field(name))
        scale = factor(unit, INTEGRATED) if unit else None
        if scale is None:
            message = f"Column {name!r} does not name its unit, e.g. /pb."
            raise MaskError(message)
        values = values * scale
    at, there = places(rows, keys)
    found = np.full(len(keys), np.nan)
    found[there] = values[at[there]]
    return found


def _spread_over(edges: Floats, mean: Floats, width: Floats, weight: Floats) -> Floats:
    """Luminosity in each bin, lumisection by lumisection."""
    point = width <= 0
    found = np.histogram(mean[point], edges, weights=weight[point])[0].astype(float)
    for centre, sigma, lumi in zip(
        mean[~point], width[~point], weight[~point], strict=True
    ):
        below = _below((edges - centre) / sigma)
        found += lumi * np.diff(below)
    return found


def _below(x: Floats) -> Floats:
    """The part of a Gaussian that lies below each of *x*."""
    from math import erf

    return np.array([0.5 * (1 + erf(v / 2**0.5)) for v in x])


def read_pileup(source: Source, *, cross_section_ub: float = CROSS_SECTION_UB) -> Table:
    """The rows of a pileup JSON.

    Args:
        source: A path or an open file.
        cross_section_ub: Of the events that are piled up, in microbarn.

    Returns:
        run_number, lumisection_number, recorded_lumi_per_lumisection (/ub), pileup,
        pileup_rms (over the bunches).

    Raises:
        MaskError: There is no such file.
        DecodeError: It is no pileup JSON.

    Example:
        >>> import io
        >>> text = '{"297050": [[1, 136000.0, 2.0e-5, 5.0e-4]]}'
        >>> read_pileup(io.StringIO(text))["pileup"].to_pylist()
        [34.6]
    """
    content = content_of(source, what="the pileup")
    rows = []
    try:
        for run, entries in json.loads(content).items():
            for number, lumi, spread, mean in entries:
                rows.append((int(run), int(number), *map(float, (lumi, spread, mean))))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        message = (
            "This is no pileup JSON: it has lists of (lumisection, luminosity, rms, "
            "mean) for each run."
        )
        raise DecodeError(message, path="$") from error
    columns: list[Any] = [list(column) for column in zip(*rows, strict=True)]
    runs, numbers, lumis, spreads, means = columns or [[]] * 5
    schema = pa.schema(
        [
            pa.field(RUN, pa.int64()),
            pa.field(SINGLE, pa.int64()),
            with_unit(pa.field(RECORDED, pa.float64()), "/ub"),
            pa.field(PILEUP, pa.float64()),
            pa.field(SPREAD, pa.float64()),
        ]
    )
    scaled = [[cross_section_ub * v for v in values] for values in (means, spreads)]
    arrow = pa.table([runs, numbers, lumis, *scaled], schema=schema)
    return Table(arrow, resource="pileup")


def pileup_json(rows: Any, *, cross_section_ub: float = CROSS_SECTION_UB) -> str:
    """Rows as a pileup JSON, as pileupCalc.py of CMSSW reads it.

    Args:
        rows: As `read_pileup` gives them, or lumisections of OMS. Without pileup_rms
            the spread over the bunches is written as 0, which CMSSW takes for one bin.
        cross_section_ub: What the pileup of the rows was made with.

    Lumisections without pileup or luminosity are left out.

    Raises:
        MaskError: A column is missing.
    """
    arrow = as_arrow(rows)
    runs = arrow.column(RUN).to_numpy()
    numbers = arrow.column(SINGLE).to_numpy()
    keys = (runs.astype(np.int64) << SHIFT) + numbers
    lumi, pileup, spread = (
        _column(arrow, name, keys) for name in (RECORDED, PILEUP, SPREAD)
    )
    micro = 1e6  # /ub in a /pb
    lines = []
    order = np.argsort(keys, kind="stable")
    kept = [i for i in order if np.isfinite(lumi[i]) and np.isfinite(pileup[i])]
    for run, group in groupby(kept, key=lambda i: int(runs[i])):
        entries = [
            [
                int(numbers[i]),
                float(lumi[i]) * micro,
                float(np.nan_to_num(spread[i])) / cross_section_ub,
                float(pileup[i]) / cross_section_ub,
            ]
            for i in group
        ]
        lines.append(f'"{run}": {json.dumps(entries)}')
    return "{" + ",\n".join(lines) + "}\n"
