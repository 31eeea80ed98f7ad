"""A client whose answers are changed on the way."""

from __future__ import annotations


class Rows:
    """A client whose answers are changed on the way."""

    def __init__(self, oms, change):
        self.oms, self.change = oms, change

    def query(self, resource, runs=None, /, **options):
        return Changed(self.oms.query(resource, runs, **options), resource, self.change)


class Changed:
    def __init__(self, query, resource, change):
        self.query, self.resource, self.change = query, resource, change

    def __getattr__(self, name):
        def again(*args, **options):
            made = getattr(self.query, name)(*args, **options)
            return Changed(made, self.resource, self.change)

        return again

    def fetch(self):
        table = self.query.fetch()
        return table.part(self.change(self.resource, table.arrow))

    def pages(self):
        for table in self.query.pages():
            yield table.part(self.change(self.resource, table.arrow))
