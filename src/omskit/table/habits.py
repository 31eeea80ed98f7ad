"""What users of other tables reach for, and how it is written here."""

from __future__ import annotations

_FRAME = "In pandas: table.to_pandas(){}; in polars: table.to_polars(){}."

HABITS = {
    "filter": 'Choose rows with table[table["x"] > 5].',
    "query": 'Choose rows with table[table["x"] > 5].',
    "where": 'Choose rows with table[table["x"] > 5].',
    "select": 'Choose columns with table[["x", "y"]].',
    "slice": "Choose rows with table[5:10].",
    "iloc": "Choose rows with table[5:10], and one with table[5].",
    "loc": 'Choose rows with table[table["x"] > 5], columns with table[["x", "y"]].',
    "sort": _FRAME.format('.sort_values("x")', '.sort("x")'),
    "sort_values": _FRAME.format('.sort_values("x")', '.sort("x")'),
    "sort_by": _FRAME.format('.sort_values("x")', '.sort("x")'),
    "group_by": _FRAME.format('.groupby("x")', '.group_by("x")'),
    "groupby": _FRAME.format('.groupby("x")', '.group_by("x")'),
    "join": _FRAME.format('.merge(other, on="x")', '.join(other, on="x")'),
    "merge": _FRAME.format('.merge(other, on="x")', '.join(other, on="x")'),
    "describe": _FRAME.format(".describe()", ".describe()"),
    "plot": 'plt.plot(table["x"], table["y"]) works, and so does omskit.plot.',
    "num_rows": "It is len(table); (rows, columns) are table.shape.",
    "names": "The names are table.columns, the units table.units.",
    "column_names": "The names are table.columns, the units table.units.",
    "fields": "The names are table.columns, the units table.units.",
    "dtypes": "The types are in table.schema.",
    "empty": "It is not len(table).",
    "values": 'As an array: np.asarray(table), or table.to_numpy("x").',
    "to_dict": "A dict of columns is table.to_arrow().to_pydict().",
    "to_dicts": "The rows as dicts are table.to_records(), or list(table).",
    "to_pylist": "The rows as dicts are table.to_records(), or list(table).",
    "rows": "The rows as dicts are table.to_records(), or list(table).",
    "iterrows": "The rows as dicts come with: for row in table.",
    "iter_rows": "The rows as dicts come with: for row in table.",
    "write_csv": "It is table.to_csv(path).",
    "write_json": "It is table.to_json(path).",
    "write_parquet": "It is table.to_parquet(path).",
}
"""By the name of the attribute: the way here, in one sentence."""
