"""Fits of many paths: made from a cube, kept as JSON, compared with other runs."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from omskit._version import __version__
from omskit.errors import DecodeError, UsageError
from omskit.files import write_whole
from omskit.table import Table
from omskit.trigger.counting import LUMISECTION_S, UB_PER_PB
from omskit.trigger.families import FAMILIES, FamilyName
from omskit.trigger.fitting import PathFit, fit_path
from omskit.trigger.menu import STATUSES
from omskit.trigger.significance import chance, deviations, discoveries

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from omskit.trigger.counting import FloatArray
    from omskit.trigger.cube import Cube

Against: TypeAlias = Literal["pileup", "luminosity"]
FORMAT = "omskit trigger fit 1"


@dataclass(frozen=True, slots=True, repr=False)
class Fit:
    """The rates per colliding bunch of many paths.

    Attributes:
        fits: By path without version.
        skipped: Why other paths have none.
        against: ``"pileup"``, or ``"luminosity"`` per colliding bunch in
            10^30 cm^-2 s^-1, which is the same up to a factor.
        made_of: Runs, menus, lumisections as a certification file, and the omskit that
            made it.
    """

    fits: Mapping[str, PathFit]
    skipped: Mapping[str, str]
    against: Against
    made_of: Mapping[str, Any]

    def __getitem__(self, path: str) -> PathFit:
        """The fit of a path; KeyError where there is none."""
        return self.fits[path]

    def __repr__(self) -> str:
        lines = [f"{path}: {fit}" for path, fit in self.fits.items()]
        lines += [f"{path}: no fit. {why}" for path, why in self.skipped.items()]
        return "\n".join(lines)

    def to_json(self) -> str:
        """As text; `Fit.from_json` reads it."""
        document = {
            "format": FORMAT,
            "against": self.against,
            "unit": "Hz per colliding bunch",
            "made_of": self.made_of,
            "fits": {
                path: {
                    **dataclasses.asdict(fit),
                    "formula": FAMILIES[fit.family].formula,
                }
                for path, fit in self.fits.items()
            },
            "skipped": self.skipped,
        }
        return json.dumps(document, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Fit:
        """From text; nothing in it is run.

        Raises:
            DecodeError: It is no fit of omskit.
        """
        try:
            document = json.loads(text)
            if document["format"] != FORMAT:
                message = f"This is {document['format']!r:.60}, not {FORMAT!r}."
                raise DecodeError(message, path="format")
            fits = {path: _read(row) for path, row in document["fits"].items()}
            against, skipped = document["against"], dict(document["skipped"])
            made_of = dict(document["made_of"])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            lacks = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            message = f"This is no fit that 'save' wrote: {lacks:.100}"
            raise DecodeError(message, path="fit") from error
        if against not in {"pileup", "luminosity"}:
            message = f"against={against!r:.40}: it is pileup or luminosity."
            raise DecodeError(message, path="against")
        return cls(fits, skipped, against, made_of)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fit to a file, as JSON."""
        text = self.to_json().encode()
        write_whole(Path(path), lambda stream: stream.write(text), UsageError)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Fit:
        """A fit that `save` wrote.

        Raises:
            DecodeError: The file is no fit of omskit.
            UsageError: There is no such file.
        """
        try:
            return cls.from_json(Path(path).read_bytes())
        except OSError as error:
            message = f"Cannot read the fit {path}: {error.strerror}."
            raise UsageError(message) from error
        except DecodeError as error:
            raise DecodeError(str(error), path=str(path)) from error

    def expected(self, cube: Cube) -> Expectation:
        """What the fits expect of the counts of a cube.

        Raises:
            UsageError: No path of the cube has a fit.
        """
        rows = [i for i, path in enumerate(cube.paths) if path in self.fits]
        if not rows:
            message = "No path of the cube has a fit."
            raise UsageError(message)
        x, exposure = abscissa(cube, self.against), exposures(cube)[rows]
        paths = tuple(cube.paths[i] for i in rows)
        mean, error = np.empty((2, *exposure.shape))
        outside = np.zeros(exposure.shape, dtype=bool)
        for at, path in enumerate(paths):
            found = self.fits[path]
            rate, wrong = found.rate(x)
            mean[at], error[at] = exposure[at] * rate, exposure[at] * wrong
            outside[at] = (x < found.low) | (x > found.high)
        spread = np.array([self.fits[path].spread for path in paths])
        counts = fitted_counts(cube)[rows]
        return Expectation(paths, counts, mean, error, spread, exposure, outside)

    def outliers(self, cube: Cube, *, false_alarms: float = 0.01) -> Table:
        """Lumisections whose counts do not fit, the most significant first.

        Args:
            cube: Of any runs; paths without a fit are left out.
            false_alarms: The chance that a quiet cube has any, over all its paths and
                lumisections (Benjamini and Hochberg).

        Returns:
            One row per path and lumisection: count, expectation and its error, their
            ratio, significance in standard deviations, whether the fit extrapolates.

        Raises:
            UsageError: No path of the cube has a fit.
            MissingExtraError: scipy is not installed.

        Cost: O(paths x lumisections).
        """
        found = self.expected(cube)
        p = chance(found.counts, found.mean, found.relative_error)
        row, at = np.nonzero(discoveries(p, false_alarms))
        seen, mean = found.counts[row, at], found.mean[row, at]
        sigma = deviations(p[row, at], seen - mean)
        order = np.argsort(-np.abs(sigma), kind="stable")
        here = cube.conditions
        columns = {
            "path": pa.array([found.paths[i] for i in row], pa.string()),
            "run_number": here.run[at],
            "lumisection_number": here.lumisection[at],
            "counts": seen,
            "expected": mean,
            "expected_error": found.relative_error[row, at] * mean,
            "ratio": seen / np.where(mean > 0, mean, np.nan),
            "significance": sigma,
            "extrapolated": found.outside[row, at],
        }
        made = pa.table(columns).take(pa.array(order))
        return Table(made, resource="outliers", warnings=told(cube))


@dataclass(frozen=True, slots=True)
class Expectation:
    """What fits expect of a cube: arrays of paths x lumisections; NaN where unknown.

    Attributes:
        error: That of the mean, by the covariance of the fit.
        spread: By path, the relative scatter beyond counting.
        outside: The fit extrapolates.
    """

    paths: tuple[str, ...]
    counts: FloatArray
    mean: FloatArray
    error: FloatArray
    spread: FloatArray
    exposure: FloatArray
    outside: Any

    @property
    def relative_error(self) -> FloatArray:
        """Error of the mean and spread together, relative."""
        safe = np.where(self.mean > 0, self.mean, np.nan)
        return np.sqrt((self.error / safe) ** 2 + self.spread[:, None] ** 2)


def fit(
    cube: Cube,
    against: Against = "pileup",
    *,
    families: Sequence[FamilyName] = tuple(FAMILIES),
) -> Fit:
    """Fit the rate per colliding bunch of every path of a cube against pileup.

    Only lumisections with CMS active and stable beams enter. Zeros are data. The family
    is chosen by an information criterion; errors come from the counts, and from real
    scatter where there is more of it.

    Args:
        cube: From `hlt` or `l1`.
        against: ``"pileup"``, or ``"luminosity"`` per colliding bunch.
        families: Which functions to choose from.

    Raises:
        UsageError: No path can be fitted; there is no such family or abscissa.
        MissingExtraError: scipy is not installed.

    Cost: some 50 ms per path.

    Example:
        >>> from omskit import Client
        >>> from omskit.trigger import hlt
        >>> with Client("demo") as oms:
        ...     cube = hlt(oms, 297050, paths="HLT_IsoMu27")
        >>> fit(cube)["HLT_IsoMu27"].family
        'linear'
    """
    if against not in {"pileup", "luminosity"}:
        message = f"against={against!r}: it is 'pileup' or 'luminosity'."
        raise UsageError(message)
    unknown = [name for name in families if name not in FAMILIES]
    if unknown or not families:
        message = f"families={list(families)!r}: they are {', '.join(FAMILIES)}."
        raise UsageError(message)
    good = cube.good()
    x, exposure, counts = abscissa(good, against), exposures(good), fitted_counts(good)
    fits, skipped = {}, {}
    for row, path in enumerate(good.paths):
        try:
            found = fit_path(x, counts[row], exposure[row], families)
        except UsageError as error:
            skipped[path] = str(error)
            continue
        fits[path] = dataclasses.replace(found, status=_status(good, row))
    if not fits:
        some = next(iter(skipped.items()), ("the cube", "it has no lumisection"))
        message = f"No path can be fitted. {some[0]}: {some[1]}"
        raise UsageError(message)
    made_of = {
        "omskit": __version__,
        "runs": list(good.runs),
        "menus": sorted({str(row.get("hlt_key")) for row in cube.keys.values()}),
        "lumisections": good.conditions.mask(np.ones(good.shape[1], bool)).to_dict(),
        "simulated": cube.simulated,
    }
    return Fit(fits, skipped, against, made_of)


def abscissa(cube: Cube, against: Against) -> FloatArray:
    """What rates are fitted against: one number per lumisection."""
    here = cube.conditions
    if against == "pileup":
        return here.pileup
    bunches = np.where(here.bunches > 0, here.bunches, np.nan)
    return here.delivered * UB_PER_PB / LUMISECTION_S / bunches


def exposures(cube: Cube) -> FloatArray:
    """Bunches x seconds x live fraction / prescale: counts per rate per bunch."""
    return cube.matrix("exposure")


def fitted_counts(cube: Cube) -> FloatArray:
    """The counts behind a fit: of L1, those before prescale and dead time."""
    return cube.counters.get("pre_dt_before_prescale", cube.counts)


def told(cube: Cube) -> list[Any]:
    """What a table made of a cube should say."""
    return list(cube.table_notes())


def _status(cube: Cube, row: int) -> str:
    """The worst status of the prescales that count."""
    assert cube.prescales is not None
    known = np.isfinite(cube.matrix("prescale")[row])
    seen = cube.prescales.statuses()[row, known]
    return str(STATUSES[int(seen.max())]) if seen.size else "unknown"


def _read(row: Mapping[str, Any]) -> PathFit:
    given = {f.name: row[f.name] for f in dataclasses.fields(PathFit)}
    if given["family"] not in FAMILIES:
        message = f"{given['family']!r:.40} is no family"
        raise ValueError(message)
    size = FAMILIES[given["family"]].size
    parameters = tuple(map(float, given["parameters"]))
    covariance = tuple(tuple(map(float, line)) for line in given["covariance"])
    if np.shape(covariance) != (size, size) or len(parameters) != size:
        message = f"{given['family']} has {size} parameters"
        raise ValueError(message)
    return PathFit(**{**given, "parameters": parameters, "covariance": covariance})
