"""Write the reference pages that come from the code: commands, operators, resources.

``make docs`` runs this; a test holds that the pages are current.
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stdout
from pathlib import Path

from omskit.cli.app import command_names, run
from omskit.query import OPERATORS
from omskit.schema import bundled

FOLDER = Path(__file__).parent / "reference"
WIDTH = "88"


def pages() -> dict[str, str]:
    """The generated pages: file name -> text."""
    return {"cli.md": cli(), "operators.md": operators(), "resources.md": resources()}


def cli() -> str:
    """Help of every command, as a terminal shows it."""
    parts = [
        "# The command line",
        "",
        "This page is made from the help of the commands: `make docs` writes it anew.",
        "How to ask well is told in the [how-to pages](../index.md).",
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | done |",
        "| 1 | the answer is no (as of `dcs-check`, `mask diff`), or no row matches |",
        "| 2 | usage: the question cannot be asked as it stands |",
        "| 3 | login: the service does not let us in |",
        "| 4 | service: it did not answer as it should |",
        "| 5 | incomplete: rows are missing |",
        "| 6 | any other failure that omskit knows, such as a stdout that is full |",
        "| 70 | a bug of omskit: an error that it does not know |",
        "| 130 | Ctrl-C |",
        "| 141 | who reads stdout has gone, as `head` does; nothing is said |",
        "",
    ]
    for command in ((), *command_names()):
        title = " ".join(("oms", *command))
        parts += [f"## {title}", "", "```text", help_of(*command), "```", ""]
    return "\n".join(parts)


def help_of(*command: str) -> str:
    """The help of a command."""
    before = {name: os.environ.get(name) for name in ("COLUMNS", "TERMINAL_WIDTH")}
    os.environ.update(dict.fromkeys(before, WIDTH))
    stream = io.StringIO()
    try:
        with redirect_stdout(stream):
            run([*command, "--help"])
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return stream.getvalue().strip()


def operators() -> str:
    """The one table of operators."""
    lines = [
        "# Operators",
        "",
        "In Python they stand between a `field` and a value, on the command line in",
        "`--where`, and on the wire in the name of a filter.",
        "",
        "| Python | command line | on the wire | meaning | types |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{o.python}` | `{o.symbol}` | {_wire(o.word)} | {o.meaning} "
        f"| {' '.join(sorted(o.kinds))} |"
        for o in OPERATORS.values()
    ]
    lines += [
        "",
        "A missing value is asked for with `field.x.is_null()` or `= null`, any value",
        "with `field.x.not_null()` or `!= null`.",
        "Every other comparison leaves out rows that have no value, as in SQL.",
        "",
    ]
    return "\n".join(lines)


def _wire(word: str) -> str:
    local = {"IN": "planned into requests", "GLOB": "LIKE, then matched here"}
    return local.get(word, f"`{word}`")


def resources() -> str:
    """Every resource of the catalogue, with its fields."""
    lines = [
        "# Resources and fields",
        "",
        "What the catalogue of omskit knows; `oms fields RESOURCE` shows the same.",
        "The evidence of each field: REAL, recorded from the service; USED, by public",
        "scripts; FRONT and SRV, in public code of OMS; GUESS, inferred.",
        "A name in brackets is no column: rows are filtered by it and do not show it.",
        "",
    ]
    for name in sorted(bundled()):
        resource = bundled()[name]
        lines += [f"## {name}", "", f"{resource.title}.", ""]
        if resource.note:
            lines += [resource.note, ""]
        if resource.granularities:
            words = ", ".join(resource.granularities)
            lines += [f"Granularities, the first by default: {words}.", ""]
        lines += [
            "| field | type | unit | meaning | evidence |",
            "|---|---|---|---|---|",
        ]
        for field in resource.fields:
            kind = f"{field.items or 'str'}[]" if field.kind == "list" else field.kind
            meaning = field.title.replace("|", "/")
            lines.append(
                f"| `{field.name}` | {kind} | {field.unit or ''} | {meaning} "
                f"| {field.evidence} |"
            )
        lines += [
            f"| ({field.name}) | {field.kind} | {field.unit or ''} | {field.title}; "
            f"filter only, by one value | {field.evidence} |"
            for field in resource.filters
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
