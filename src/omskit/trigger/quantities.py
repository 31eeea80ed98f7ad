"""What can be had of each path and lumisection: counts times a factor, with errors.

Every quantity with an error is a counter N times a factor that has none:
``N / T`` is a rate. So its error is ``sqrt(N)`` times the factor, and its exact
interval that of N times the factor. NaN wherever an input is not known, or the path
was off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from omskit.errors import UsageError, did_you_mean
from omskit.trigger.counting import LUMISECTION_S, UB_PER_PB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omskit.trigger.conditions import Conditions
    from omskit.trigger.counting import FloatArray
    from omskit.trigger.menu import Prescales

Kind: TypeAlias = Literal["hlt", "l1", "streams", "datasets"]

ACCEPTED: Mapping[Kind, str] = {
    "hlt": "counter",
    "l1": "post_dt",
    "streams": "n_events",
    "datasets": "events",
}
"""The counter behind a rate."""
BEFORE = "pre_dt_before_prescale"
"""What an L1 bit counts before prescale and dead time."""


@dataclass(frozen=True, slots=True)
class Source:
    """What quantities are made of: counters (paths x lumisections) and conditions."""

    kind: Kind
    counters: Mapping[str, FloatArray]
    conditions: Conditions
    prescales: Prescales | None


@dataclass(frozen=True, slots=True)
class Quantity:
    """One number per path and lumisection.

    Attributes:
        unit: Its unit; None for plain numbers.
        factor: What N is multiplied by; None where the quantity is no count.
        value: The quantity itself where it is no count.
        before: N is the count before prescale and dead time, where there is one.
        prescaled: A prescale plays a part, and its status belongs beside it.
    """

    unit: str | None
    factor: Callable[[Source], FloatArray] | None = None
    value: Callable[[Source], FloatArray] | None = None
    before: bool = False
    prescaled: bool = False

    def counts(self, source: Source) -> FloatArray:
        """The counter behind it."""
        use = self.before and BEFORE in source.counters
        return source.counters[BEFORE if use else ACCEPTED[source.kind]]


def _ones(source: Source) -> FloatArray:
    return np.ones(len(source.conditions))


def _unprescaled(source: Source) -> FloatArray:
    """Prescale over live fraction; 1 where the counter is before both."""
    if source.kind == "l1":
        return _ones(source)
    prescale = _part("total")(source)
    live = np.where(source.conditions.live > 0, source.conditions.live, np.nan)
    return prescale / live


def _part(name: str) -> Callable[[Source], FloatArray]:
    def read(source: Source) -> FloatArray:
        if source.prescales is None:
            message = f"No prescale is known of {source.kind}: only HLT paths and L1."
            if source.kind == "hlt":
                message = (
                    "The cube was made without prescales; prescales=True has them."
                )
            raise UsageError(message)
        return source.prescales.matrix(name)

    return read


def _per_luminosity(source: Source) -> FloatArray:
    """Of what was recorded; before dead time, of what was delivered."""
    found = source.conditions
    if source.kind == "l1":
        return 1.0 / _positive(found.delivered * UB_PER_PB)
    return _part("total")(source) / _positive(found.recorded * UB_PER_PB)


def _per_bunch(source: Source) -> FloatArray:
    bunches = _positive(source.conditions.bunches)
    return _unprescaled(source) / LUMISECTION_S / bunches


def _exposure(source: Source) -> FloatArray:
    """Bunch-seconds that a path saw: counts over it are the rate per bunch."""
    return source.conditions.bunches * LUMISECTION_S / _unprescaled(source)


def _positive(values: FloatArray) -> FloatArray:
    return np.where(values > 0, values, np.nan)


def _of(name: str) -> Callable[[Source], FloatArray]:
    def read(source: Source) -> FloatArray:
        return np.asarray(getattr(source.conditions, name), dtype=np.float64)

    return read


QUANTITIES: Mapping[str, Quantity] = {
    "counts": Quantity(None, _ones),
    "rate": Quantity("Hz", lambda s: _ones(s) / LUMISECTION_S),
    "unprescaled_counts": Quantity(None, _unprescaled, before=True, prescaled=True),
    "unprescaled_rate": Quantity(
        "Hz", lambda s: _unprescaled(s) / LUMISECTION_S, before=True, prescaled=True
    ),
    "cross_section": Quantity("ub", _per_luminosity, before=True, prescaled=True),
    "cross_section_nb": Quantity(
        "nb", lambda s: _per_luminosity(s) * 1e3, before=True, prescaled=True
    ),
    "rate_per_bunch": Quantity("Hz", _per_bunch, before=True, prescaled=True),
    "exposure": Quantity("s", value=_exposure, prescaled=True),
    "prescale": Quantity(None, value=_part("total"), prescaled=True),
    "prescale_low": Quantity(None, value=_part("low"), prescaled=True),
    "prescale_high": Quantity(None, value=_part("high"), prescaled=True),
    "hlt_prescale": Quantity(None, value=_part("hlt"), prescaled=True),
    "l1_prescale": Quantity(None, value=_part("level_1"), prescaled=True),
    "delivered_lumi": Quantity("/pb", value=_of("delivered")),
    "recorded_lumi": Quantity("/pb", value=_of("recorded")),
    "luminosity": Quantity(
        "10^30 cm^-2 s^-1",
        value=lambda s: s.conditions.delivered * UB_PER_PB / LUMISECTION_S,
    ),
    "pileup": Quantity(None, value=_of("pileup")),
    "live_fraction": Quantity(None, value=_of("live")),
    "bunches": Quantity(None, value=_of("bunches")),
    "prescale_index": Quantity(None, value=_of("column")),
}
"""By name. Those of lumisections are the same for every path."""


def quantity(name: str, source: Source) -> Quantity:
    """The quantity of a name.

    Raises:
        UsageError: There is none, or not for this kind; the message names the nearest.
    """
    if name in QUANTITIES:
        return QUANTITIES[name]
    counter = name.removesuffix("_rate")
    if counter in source.counters:
        per, unit = 1.0, UNITS.get(counter)
        if counter != name:
            per, unit = LUMISECTION_S, "Hz"
        return Quantity(unit, value=lambda s: s.counters[counter] / per)
    known = [*QUANTITIES, *source.counters]
    message = f"There is no quantity {name!r}.{did_you_mean(name, known)}"
    raise UsageError(f"{message} There are: {', '.join(known)}.")


def needs_prescales(names: Iterable[str]) -> bool:
    """Whether any of these quantities is made with a prescale.

    Example:
        >>> needs_prescales(["counts", "rate"]), needs_prescales(["cross_section"])
        (False, True)
    """
    bases = (name.removesuffix("_error") for name in names)
    return any(base in QUANTITIES and QUANTITIES[base].prescaled for base in bases)


UNITS = {"file_size": "GB", "bandwidth": "MB/s"}
"""Units of what streams have beside counters."""
