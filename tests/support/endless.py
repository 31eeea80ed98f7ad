"""An engine whose fills are never all looked at: a query of them has no end."""

import threading

from omskit.engine import Engine


class EndlessEngine(Engine):
    """Each row of fills meets 10^18 rows, and a filter; other resources are as ever.

    Attributes:
        begun: Counts up with each query of fills that is asked.
        ended: Counts up with each that is over, whatever came of it.
        outcomes: What each of them raised.
    """

    def __init__(self, tables, catalogue=None):
        super().__init__(tables, catalogue)
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

    def _source(self, key, resource):
        if key != "fills":
            return super()._source(key, resource)
        many = "range(1000000000) a, range(1000000000) b"
        where = "(a.range * b.range + f.fill_number) % 7 = 3"
        return f"(SELECT f.*, f.rowid FROM fills f, {many} WHERE {where}) AS fills"
