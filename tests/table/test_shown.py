"""What values show at IPython's prompt."""

from __future__ import annotations

from omskit import Client, LumiMask
from omskit.lumi import compare


class Printer:
    """What IPython prints with."""

    def __init__(self):
        self.said = ""

    def text(self, text):
        """Keep it."""
        self.said += text


def pretty(value, *, cycle=False):
    """What IPython would show."""
    printer = Printer()
    value._repr_pretty_(printer, cycle)
    return printer.said


def test_answers_are_told_in_lines():
    """A ledger and a comparison are lines in a notebook, not kilobytes of parts."""
    with Client("demo") as oms:
        lost = oms.lost(fill=5839)
    assert pretty(lost) == str(lost)
    assert pretty(lost).startswith("Fill 5839: 140.880 /pb delivered")
    assert pretty(lost.ledger).startswith("Fill 5839: ")
    a, b = (LumiMask.from_ranges([(7, 1, n)]) for n in (5, 3))
    assert "2 only in a" in pretty(compare(a, b))
    assert pretty(compare(a, b), cycle=True) == "Comparison"
