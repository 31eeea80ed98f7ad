"""The tables of the demo by resource name, each made when it is first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import TYPE_CHECKING

from omskit.demo import (
    daq,
    dip,
    downtimes,
    fills,
    hlt,
    hltconfig,
    l1,
    l1bits,
    lumitable,
    output,
    runtable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

MAKERS: dict[str, Callable[[], pa.Table]] = {
    "bunches": fills.bunches,
    "daqreadouts": daq.readouts,
    "datasetrates": output.dataset_rates,
    "datasetrates@run": output.run_dataset_rates,
    "datasetrates/datasets": output.dataset_names,
    "deadtimes": daq.deadtimes,
    "deadtimes@run": daq.run_deadtimes,
    "diplogger": dip.logger,
    "downtimes": downtimes.run2,
    "downtimesrun3": downtimes.run3,
    "eras": fills.eras,
    "filldetails": fills.details,
    "fills": fills.build,
    "hltconfig": hltconfig.config_names,
    "hltconfigdata": hltconfig.config_data,
    "hltpathinfo": hlt.path_info,
    "hltpathrates": hlt.path_rates,
    "hltpathrates@run": hlt.run_path_rates,
    "hltprescalesets": hltconfig.prescale_sets,
    "l1algorithmtriggers": l1bits.algorithms,
    "l1algorithmtriggers/ratemon": l1bits.ratemon,
    "l1algorithmtriggers@run": l1bits.run_algorithms,
    "l1configurationkeys": runtable.configuration_keys,
    "l1prescalesets": l1bits.prescale_sets,
    "l1triggerrates": l1.trigger_rates,
    "l1triggerrates@run": l1.run_trigger_rates,
    "lhcrunconfigurations": fills.schemes,
    "lumisections": lumitable.build,
    "prescalechanges": l1bits.prescale_changes,
    "runkeys": runtable.run_keys,
    "runs": runtable.build,
    "streams": output.streams,
    "streams@run": output.run_streams,
}


class LazyTables(Mapping[str, "pa.Table"]):
    """Tables that are made on first use and kept for the life of the process.

    Every resource of the catalogue is there.
    Threads may share it: a table is made once, by one of them.

    Attributes:
        source: Where the rows come from, as services say it.
    """

    source = "simulated"

    def __init__(self) -> None:
        self._names = sorted(MAKERS)
        self._made: dict[str, pa.Table] = {}
        self._lock = RLock()

    def __getitem__(self, name: str) -> pa.Table:
        """The table of a resource; KeyError where the catalogue has none."""
        found = self._made.get(name)
        if found is not None:
            return found
        with self._lock:
            if name not in self._made:
                self._made[name] = MAKERS[name]()
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names
