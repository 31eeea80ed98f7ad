"""What others say, made fit to be shown: without our secrets, on one printable line.

A service may repeat what it was sent: as it was, in the spelling of a URL, of JSON or
of a web page, in capitals or not, or a piece of it, as where a text was cut.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MASK = "***"
"""Stands where a secret stood."""

LEAST = 6
"""Shorter texts are no secrets, and taking them out would garble the rest."""

PIECE = 12
"""So many characters of a secret are not shown either."""

LONGEST = 300
"""Characters of what a service says that are shown."""

_STEP = PIECE // 2
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}


def secrets_of(headers: Mapping[str, str]) -> frozenset[str]:
    """What headers hold that nobody may see: tokens without their scheme, cookies.

    Example:
        >>> sorted(secrets_of({"authorization": "Bearer abc", "cookie": "a=1; b=2"}))
        ['1', '2', 'abc']
    """
    found: set[str] = set()
    for name, text in headers.items():
        if name.lower() == "cookie":
            pairs = (pair.partition("=") for pair in text.split(";"))
            found |= {(value or name).strip(' "') for name, _, value in pairs}
            continue
        first, _, rest = text.strip().partition(" ")
        found.add(rest.strip() or first)
        if name.lower() != "authorization":
            found.add(text.strip())
    return frozenset(found)


def scrubbed(text: str, secrets: Iterable[str]) -> str:
    """*text* with ``***`` for each secret, in any spelling, and for each piece of one.

    Secrets under `LEAST` characters and pieces under `PIECE` are left.

    Example:
        >>> scrubbed("bad secret=s3cr3t%2Fva%2blue", {"s3cr3t/va+lue"})
        'bad secret=***'
        >>> scrubbed("got 'Bearer eyJhbGciOiJSUzI1...'", {"eyJhbGciOiJSUzI1NiJ9.e30.x"})
        "got 'Bearer ***...'"
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= LEAST:
            text = re.sub(_spellings(secret), MASK, text, flags=re.IGNORECASE)
            text = _without_pieces(text, secret)
    return text


def scrub(error: BaseException, secrets: Iterable[str]) -> None:
    """Take secrets out of what an error says, and of what those behind it say."""
    hidden = frozenset(secrets)
    seen: BaseException | None = error if hidden else None
    while seen is not None:
        seen.args = tuple(_scrubbed_text(value, hidden) for value in seen.args)
        for name, value in vars(seen).items():
            if isinstance(value, str):
                setattr(seen, name, scrubbed(value, hidden))
        seen = seen.__cause__ or seen.__context__


def drop_frames(error: BaseException) -> None:
    """Take its frames from an error, and from the errors behind it.

    For errors of other libraries, before one of ours is raised from them: the locals of
    their frames hold what was sent, tokens and all, and some tracebacks show locals.
    """
    behind: BaseException | None = error
    while behind is not None:
        behind.__traceback__ = None
        behind = behind.__cause__ or behind.__context__


def _scrubbed_text(value: object, secrets: frozenset[str]) -> object:
    return scrubbed(value, secrets) if isinstance(value, str) else value


def visible(text: str) -> str:
    r"""A text whose characters all show: what a terminal would obey is spelt out.

    Example:
        >>> print(visible("a" + chr(27) + "[2J"))
        a\x1b[2J
    """
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )


def one_line(text: str, longest: int | None = None) -> str:
    r"""*text* on one line, without what would move a cursor or turn the writing round.

    Args:
        longest: Characters that are shown; None: all.

    Example:
        >>> one_line("gone\n\x1b[2J\x07 bad", 7)
        'gone [2...'
    """
    # What is left out leaves a space, so cutting first spares a long text its walk.
    cut = text if longest is None else text[: 4 * longest]
    shown = "".join(c if c.isprintable() else " " for c in cut)
    line = " ".join(shown.split())
    return line if longest is None or len(line) <= longest else f"{line[:longest]}..."


def _spellings(secret: str) -> str:
    """A pattern of all the ways to write a text."""
    return "".join(map(_spelling, secret))


def _spelling(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    code = ord(character)
    octets = character.encode("utf-8", "surrogatepass")
    ways = [
        rf"\\*{re.escape(character)}" if character != "\\" else r"\\+",
        "".join(f"%(?:25)*{octet:02x}" for octet in octets),  # Quoted more than once.
        rf"\\+u{code:04x}",
        f"&#(?:0*{code}|x0*{code:x});",
    ]
    if character in _NAMED:
        ways.append(f"&{_NAMED[character]};")
    if character == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"


def _without_pieces(text: str, secret: str) -> str:
    """*text* with ``***`` for what it has in common with *secret*, if that is long."""
    if min(len(text), len(secret)) < PIECE:
        return text
    low, hidden = text.lower(), secret.lower()
    if len(low) != len(text):
        low, hidden = text, secret  # Few characters have longer small ones.
    grams = {hidden[at : at + _STEP] for at in range(len(hidden) - _STEP + 1)}
    parts: list[str] = []
    done = at = 0
    # A piece holds one of the places looked at, whole: they are half a piece apart.
    while at + _STEP <= len(low):
        first, last = at, at
        if low[at : at + _STEP] in grams:
            first, last = _common(low, at, hidden)
        if last - first >= PIECE:
            parts += (text[done : max(first, done)], MASK)
            done = at = last
        else:
            at += _STEP
    return "".join((*parts, text[done:]))


def _common(text: str, at: int, secret: str) -> tuple[int, int]:
    """How far what stands at *at* goes on as in *secret*, to both sides."""
    first, last = at, at + _STEP
    while last < len(text) and text[at : last + 1] in secret:
        last += 1
    while first > 0 and text[first - 1 : at + _STEP] in secret:
        first -= 1
    return first, last
