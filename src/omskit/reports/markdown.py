"""A report as Markdown, for a logbook."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omskit._version import __version__
from omskit.reports.html import SIMULATED
from omskit.reports.rows import (
    downtime_rows,
    ledger_rows,
    part_rows,
    run_rows,
    span_rows,
)
from omskit.reports.words import number, spans

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omskit.reports.model import Content

_SPECIAL = re.compile(r"([\\`*_\[\]<>!|~&$])")


def plain(text: str) -> str:
    r"""A text that Markdown shows as it is, in one line.

    Example:
        >>> print(plain("<b>|x_1|"))
        \<b\>\|x\_1\|
    """
    text = " ".join(text.split())
    text = re.sub(r"^(\d+)([.)])(?=\s|$)", r"\1\\\2", _SPECIAL.sub(r"\\\1", text))
    return re.sub(r"^([#+=-])", r"\\\1", text)


def to_markdown(report: Content) -> str:
    """The report as Markdown; every text in it is shown as it is."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Content) -> Iterator[str]:
    yield from (f"# {plain(report.title)}", "", f"**{plain(report.sentence)}**")
    if report.simulated:
        yield from ("", f"*{SIMULATED}*")
    yield from ("", "## Facts", "")
    yield from _table(
        ["fact", "value"], ([fact.name, fact.text] for fact in report.facts)
    )
    yield from _luminosity(report)
    heads, rows = run_rows(report)
    yield from _section("Runs", heads, rows)
    yield from _section(
        "Flags that were not on",
        ["flag", "state", "lumisections", "which"],
        span_rows(report),
        none="Every flag was on in every lumisection.",
    )
    yield from ("", "## Gaps", "")
    gaps = spans(report.gaps, runs=True, most=40)
    yield plain(gaps) if gaps else "OMS has every lumisection."
    yield from _certification(report)
    yield from _trigger(report)
    downtimes = downtime_rows(report)
    if downtimes:
        heads = ["start", "duration", "lost", "cause"]
        yield from _section("Downtimes that OMS lists", heads, downtimes)
    if report.notes:
        yield from ("", "## Notes", "", *(f"* {plain(n)}" for n in report.notes))
    yield from _receipts(report)


def _luminosity(report: Content) -> Iterator[str]:
    heads = ["where it went", "luminosity", "part", "lumisections"]
    none = "No luminosity was delivered."
    yield from _section("Luminosity", heads, ledger_rows(report), none=none)
    parts = part_rows(report)
    if parts:
        yield ""
        heads = ["off in stable beams", "recorded meanwhile", "it alone", "flags"]
        yield from _table(heads, parts)
    if report.ledger is not None:
        yield from (f"\n{plain(note)}" for note in report.ledger.notes)


def _certification(report: Content) -> Iterator[str]:
    if not report.agreements:
        return
    yield from ("", "## Certification", "")
    for found in report.agreements:
        lumi = "" if found.recorded_pb is None else f", {found.recorded_pb:.3f} /pb"
        yield (
            f"* {plain(found.name)}: {number(found.inside)} lumisections in it{lumi}; "
            f"{number(found.outside)} not"
        )
        yield from (f"  * {plain(reason)}" for reason in found.reasons)


def _trigger(report: Content) -> Iterator[str]:
    if report.outliers is None:
        return
    yield from _section(
        "Trigger outliers",
        ["path", "lumisections", "counted", "expected"],
        [
            (
                found.path,
                spans([(found.run, found.first, found.last)], runs=True),
                number(found.counted),
                number(found.expected),
            )
            for found in report.outliers
        ],
        none="No path leaves what the lumisections around say.",
    )


def _receipts(report: Content) -> Iterator[str]:
    yield from ("", "## Receipts", "")
    for receipt in report.receipts:
        yield (
            f"* {plain(receipt.resource)}: {number(receipt.rows)} rows of "
            f"{plain(receipt.service)}, {receipt.finished:%Y-%m-%d %H:%M:%S} UTC, "
            f"sha256 {receipt.sha256[:16]}"
        )
        yield from (f"  * {plain(url)}" for url in receipt.urls[:4])
    made = f"{report.made:%Y-%m-%d %H:%M:%S} UTC"
    yield from ("", f"Made by omskit {__version__} at {made}.")
    if report.simulated:
        yield from ("", f"*{SIMULATED}*")


def _section(
    title: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    none: str = "None.",
) -> Iterator[str]:
    found = list(rows)
    yield from ("", f"## {title}", "")
    yield from _table(heads, found) if found else [none]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(heads) + " |"
    yield "|" + "---|" * len(heads)
    yield from ("| " + " | ".join(map(plain, row)) + " |" for row in rows)
