"""An engine whose fills are never all looked at: a query of them has no end."""

import threading
from dataclasses import replace

from omskit.engine import Engine, MemoryRelations


class EndlessRelations(MemoryRelations):
    """Each row of fills meets 10^18 rows, and a filter; the others are as ever."""

    def relation(self, key, catalogue):
        """As in memory, but for fills."""
        loaded = super().relation(key, catalogue)
        if key != "fills":
            return loaded
        many = "range(1000000000) a, range(1000000000) b"
        where = "(a.range * b.range + f.fill_number) % 7 = 3"
        rows = f"(SELECT f.* FROM {loaded.source} f, {many} WHERE {where})"
        return replace(loaded, source=rows, count=None)


class EndlessEngine(Engine):
    """An engine over `EndlessRelations`, which notes what is asked of fills.

    Attributes:
        begun: Counts up with each query of fills that is asked.
        ended: Counts up with each that is over, whatever came of it.
        outcomes: What each of them raised.
    """

    def __init__(self, tables, catalogue=None):
        super().__init__(EndlessRelations(tables), catalogue)
        self.begun = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.outcomes = []

    def execute(self, query, **bounds):
        """As the engine; what is asked of fills is noted."""
        if query.resource != "fills":
            return super().execute(query, **bounds)
        self.begun.release()
        try:
            return super().execute(query, **bounds)
        except Exception as error:
            self.outcomes.append(error)
            raise
        finally:
            self.ended.release()
