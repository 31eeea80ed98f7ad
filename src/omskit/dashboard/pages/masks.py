"""*Masks*: one or two certification files, what they are and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omskit.dashboard.pages.page import Page
from omskit.errors import OMSError, UsageError
from omskit.lumi import compare, identify, why_differ
from omskit.reports.words import number, plural

if TYPE_CHECKING:
    from omskit.dashboard.asking import Asker, Dropped
    from omskit.dashboard.parameters import Parameters
    from omskit.lumi import Comparison, LumiMask

OPERATIONS = {"and": "in both", "or": "in one of them", "sub": "in A and not in B"}
RUNS = 100
"""Runs that the page shows."""
ASKED_RUNS = 30
"""The most runs for which luminosity and reasons are looked up."""
GROUPS = 12


def masks_page(given: Parameters, asker: Asker) -> Page:
    """The files that the address names, and how they differ."""
    values: dict[str, Any] = {"given": given, "a": None, "b": None, "comparison": None}
    values |= {"operations": OPERATIONS, "groups": [], "rows": [], "note": ""}
    a, b = (_known(given, name, asker) for name in ("a", "b"))
    if a is None and b is None:
        told = "Drop one or two certification files to see what they are."
        return Page("masks.html", "Masks", told, values)
    for name, one in (("a", a), ("b", b)):
        values[name] = None if one is None else _told(one)
    if a is None or b is None:
        one = a or b
        assert one is not None
        return Page("masks.html", "Masks", _counted(one), values)
    names = (a.name, b.name) if a.name != b.name else (f"A {a.name}", f"B {b.name}")
    found = compare(a.mask, b.mask, names=names)
    values["comparison"] = found
    simulated = _differences(values, found, (a, b), names, asker)
    return Page("masks.html", "Masks", _sentence(found), values, simulated=simulated)


def _known(given: Parameters, name: str, asker: Asker) -> Dropped | None:
    """The file that a parameter names; None where there is none.

    Raises:
        UsageError: It is not known any more.
    """
    key = given.text(name)
    if not key:
        return None
    found = asker.dropped(key)
    if found is None:
        message = (
            f"The file {name.upper()} of this link is not here any more: the dashboard "
            "keeps dropped files only while it runs. Drop it again."
        )
        raise UsageError(message)
    return found


def _told(one: Dropped) -> dict[str, Any]:
    identity = identify(one.mask, name=one.name, content=one.content)
    return {
        "name": one.name,
        "identity": identity,
        "lines": str(identity).splitlines(),
        "notes": one.mask.notes,
    }


def _counted(one: Dropped) -> str:
    count = "open" if one.mask.is_open else plural(len(one.mask), "lumisection")
    return f"{one.name}: {count} in {plural(one.mask.runs.size, 'run')}."


def _sentence(found: Comparison) -> str:
    a, b = found.names
    if found.equal:
        return f"{a} and {b} have the same lumisections."
    counts = {
        part: "open" if count is None else number(count)
        for part, count in found.lumisections.items()
    }
    return (
        f"{counts['both']} lumisections in both, {counts['only_a']} only in {a}, "
        f"{counts['only_b']} only in {b}."
    )


def _differences(
    values: dict[str, Any],
    found: Comparison,
    files: tuple[Dropped, Dropped],
    names: tuple[str, str],
    asker: Asker,
) -> bool:
    """Rows per run with luminosity, and the reasons; whether they are simulated."""
    differing = found.differing
    runs = differing.runs.tolist()
    values["rows"] = [
        row for row in found.table.to_records() if row["only_a"] or row["only_b"]
    ][:RUNS]
    if not runs or differing.is_open or len(runs) > ASKED_RUNS:
        if runs:
            values["note"] = (
                f"{plural(len(runs), 'run')} differ: luminosity and reasons are looked "
                f"up for at most {ASKED_RUNS}, without open ends."
            )
        return False
    try:
        lumis = asker.remembered(
            ("lumis", tuple(runs)), lambda: asker.client.lumisections(runs)
        )
        if not len(lumis):
            values["note"] = "OMS has no lumisection of the runs that differ."
            return False
        a, b = files[0].mask, files[1].mask
        values["groups"] = [
            str(group) for group in why_differ(a, b, lumis, names=names)[:GROUPS]
        ]
        with_lumi = compare(a, b, names=names, luminosity=lumis)
    except OMSError as error:
        values["note"] = f"Luminosity and reasons cannot be told: {error}"
        return False
    values["comparison"] = with_lumi
    values["rows"] = [
        row for row in with_lumi.table.to_records() if row["only_a"] or row["only_b"]
    ][:RUNS]
    return lumis.simulated


def combined(given: Parameters, asker: Asker) -> LumiMask:
    """The result of an operation on the two files.

    Raises:
        UsageError: A file is missing.
        MaskError: The result has an open end and cannot be written.
    """
    operation = given.choice("op", tuple(OPERATIONS))
    a, b = (_known(given, name, asker) for name in ("a", "b"))
    if a is None or b is None:
        message = "An operation needs two files: drop both."
        raise UsageError(message)
    if operation == "and":
        return a.mask & b.mask
    return a.mask | b.mask if operation == "or" else a.mask - b.mask
