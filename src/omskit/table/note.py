"""What there is to say of a table beside its rows: a text, and of what kind it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class NoteKind(StrEnum):
    """What a note is about; code asks for the kind and never reads the text.

    Attributes:
        INCOMPLETE: Rows that the service counted are not there.
        NO_ROW: Nothing matches, or nothing of a name that was asked for.
        GAPS: Lumisections that OMS does not hold, or that nobody could look for.
        UNIT: A unit that is not known, or a value that is left empty for that reason.
        SERVICE: What the service sent otherwise than the catalogue says.
        OUTAGE: A service that fails, or answers again, while a run is followed.
        SIMULATED: The rows were made up.
        OTHER: Anything else.
    """

    INCOMPLETE = "incomplete"
    NO_ROW = "no row"
    GAPS = "gaps"
    UNIT = "unit"
    SERVICE = "service"
    OUTAGE = "outage"
    SIMULATED = "simulated"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Note:
    """One thing to say of a table.

    Example:
        >>> str(Note(NoteKind.NO_ROW, "No row of 'runs' matches."))
        "No row of 'runs' matches."
    """

    kind: NoteKind
    text: str

    def __str__(self) -> str:
        return self.text


def as_note(said: Note | str) -> Note:
    """A note as it is; a bare text is of no particular kind."""
    return said if isinstance(said, Note) else Note(NoteKind.OTHER, said)
