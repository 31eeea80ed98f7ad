"""CMSSW's words for ranges of lumisections: ``run:ls-run:ls``.

As in ``cms.untracked.VLuminosityBlockRange`` and on the command lines of its tools.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omskit.errors import MaskError
from omskit.lumi.edges import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable

_LS = r"[0-9]{1,10}|min|max"
WORD = re.compile(
    rf"([0-9]{{1,10}}):({_LS})(?:\s*-\s*([0-9]{{1,10}}):({_LS}))?", re.IGNORECASE
)
QUOTED = re.compile(r"'([^'\n]*)'|\"([^\"\n]*)\"")
REMARK = re.compile(r"#[^\n]*")
AROUND = re.compile(
    r"(?:[A-Za-z_][\w.]*|[=*(),\[\]\\;+]|\s)*",
)
"""What may stand around the quoted ranges of a configuration: names and brackets."""
SPANNED = 100_000
"""Runs that one range may span: more is a typing error."""


def piece(run: int, first: int, last: int) -> str:
    """One range as CMSSW prints it; a single lumisection has no dash.

    Example:
        >>> piece(297050, 12, 137), piece(297050, 5, 5)
        ('297050:12-297050:137', '297050:5')
    """
    start = f"{run}:{first}"
    return start if first == last else f"{start}-{run}:{last}"


def block(pieces: Iterable[str]) -> str:
    """Ranges as the Python of a CMSSW configuration.

    Example:
        >>> block(["297050:12-297050:137", "297050:5"])
        "cms.untracked.VLuminosityBlockRange('297050:12-297050:137', '297050:5')"
    """
    quoted = ", ".join(f"'{text}'" for text in pieces)
    return f"cms.untracked.VLuminosityBlockRange({quoted})"


def parse(text: str | Iterable[str]) -> tuple[list[int], list[int], list[int]]:
    """Runs, firsts and lasts of all ranges in a text, or in several.

    Raises:
        MaskError: A piece is not of that form; the message shows it.
    """
    if isinstance(text, str):
        text = _words(text)
    triples: list[tuple[int, int, int]] = []
    for entry in text:
        word = entry.strip()
        if word:
            triples.extend(_ranges(word))
    runs, first, last = zip(*triples, strict=True) if triples else ((), (), ())
    return list(runs), list(first), list(last)


def _words(text: str) -> list[str]:
    """The ranges of a text: bare, or quoted in a piece of a configuration.

    Raises:
        MaskError: There is something else in it.
    """
    quoted = [a or b for a, b in QUOTED.findall(text)]
    plain = REMARK.sub("", text)
    if not quoted and "VLuminosityBlockRange" not in plain:
        return re.split(r"[,\n]", plain)
    # A remark may hold quotes, and ranges that somebody has taken out.
    quoted = [a or b for a, b in QUOTED.findall(plain)]
    around = QUOTED.sub(" ", plain)
    if not AROUND.fullmatch(around):
        rest = AROUND.sub(" ", around).split()
        message = (
            f"{' '.join(rest)[:60]!r} stands outside of the quoted ranges: quote each "
            "range, as in VLuminosityBlockRange('297050:12-297050:137')."
        )
        raise MaskError(message)
    return [word for piece in quoted for word in piece.split(",")]


def _ranges(word: str) -> list[tuple[int, int, int]]:
    match = WORD.fullmatch(word)
    if match is None:
        message = (
            f"{word[:60]!r} is no range of lumisections. Write run:first-run:last, "
            "e.g. 297050:12-297050:137."
        )
        raise MaskError(message)
    run, begin = int(match[1]), _number(match[2], 1)
    if match[3] is None:
        return [(run, begin, begin)]
    final, end = int(match[3]), _number(match[4], OPEN)
    if not run <= final <= run + SPANNED:
        message = f"{word!r} spans runs {run} to {final}: write one range per run."
        raise MaskError(message)
    if run == final:
        return [(run, begin, end)]
    between = [(whole, 1, OPEN) for whole in range(run + 1, final)]
    return [(run, begin, OPEN), *between, (final, 1, end)]


def _number(word: str, extreme: int) -> int:
    """A number; ``min`` and 0 are the first, ``max`` and 0 at the end are open."""
    lowered = word.lower()
    if lowered == "min":
        return 1
    if lowered == "max":
        return OPEN
    return int(word) or extreme
