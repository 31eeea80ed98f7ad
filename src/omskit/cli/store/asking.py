"""``oms sql``: a query in SQL over a store."""

from __future__ import annotations

from typing import Annotated

import typer

from omskit.cli.asking import deliver
from omskit.cli.exits import warnings_on_stderr
from omskit.cli.options import (
    AllRowsOption,
    FormatOption,
    Output,
    OutputOption,
    QuietOption,
    SpreadsheetOption,
)
from omskit.cli.store.options import StoreOption, store_at


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="SELECT ..., in DuckDB's SQL.")
    ],
    *,
    store: StoreOption = None,
    output_format: FormatOption = None,
    output: OutputOption = None,
    all_rows: AllRowsOption = False,
    spreadsheet: SpreadsheetOption = False,
    quiet: QuietOption = False,
) -> None:
    """The rows of a query over a store.

    Each resource that was synced is a table, in canonical units; mask('golden.json')
    is one of run_number and lumisection_number. Nothing but a query is answered.

    Example: oms sql "select count(*) from lumisections" --store ~/oms
    """
    from omskit.cli.output import check_output
    from omskit.client.bound import warn

    given = Output(
        format=output_format,
        output=output,
        all_rows=all_rows,
        spreadsheet=spreadsheet,
        quiet=quiet,
    )
    check_output(given)
    with warnings_on_stderr(quiet=quiet):
        deliver(warn(store_at(store).sql(query)), given)
