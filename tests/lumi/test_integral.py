"""Luminosity of masks."""

from __future__ import annotations

import pyarrow as pa
import pytest

from omskit import Client
from omskit.errors import MaskError, UnitError
from omskit.lumi import LumiMask, luminosity
from omskit.lumi.integral import DELIVERED, RECORDED, is_simulated, table_for
from omskit.table import Note, NoteKind, Table

MASK = LumiMask.from_ranges([(7, 1, 4), (8, 1, 2)])


def rows(unit="/pb", *, values=None):
    values = values or [
        (7, 1, 70, 1.0, 0.5),
        (7, 2, 71, 2.0, 1.0),
        (7, 3, 71, None, 1.0),
        (8, 1, 80, 4.0, float("nan")),
        (9, 1, 90, 99.0, 99.0),
    ]
    metadata = {"unit": unit} if unit else None
    schema = pa.schema(
        [
            ("run_number", pa.int64()),
            ("lumisection_number", pa.int64()),
            ("fill_number", pa.int64()),
            pa.field(DELIVERED, pa.float64(), metadata=metadata),
            pa.field(RECORDED, pa.float64(), metadata=metadata),
        ]
    )
    columns = list(zip(*values, strict=True)) if values else [[]] * 5
    return pa.table([list(c) for c in columns], schema=schema)


def test_what_is_missing_is_named_and_never_zero() -> None:
    """Sums are over lumisections with both values; the others are a mask."""
    found = luminosity(MASK, rows())
    assert (found.delivered, found.recorded, found.counted) == (3.0, 1.5, 2)
    assert found.missing == LumiMask.from_pairs([(7, 3), (7, 4), (8, 1), (8, 2)])
    assert not found.complete
    assert found.table.to_records() == [
        {"run_number": 7, "lumisections": 2, "missing": 2,
         "delivered_lumi": 3.0, "recorded_lumi": 1.5},
        {"run_number": 8, "lumisections": 0, "missing": 2,
         "delivered_lumi": None, "recorded_lumi": None},
    ]  # fmt: skip
    assert found.table.units["delivered_lumi"] == "/pb"
    assert "4 have no luminosity: 7:3-4; 8:1-2" in str(found)


def test_by_fill_and_by_era() -> None:
    """Fills are those of the rows; an era is that of the fill, the shortest first."""
    by_fill = luminosity(MASK, rows(), by="fill").table
    assert by_fill["fill_number"].to_pylist() == [70, 71, 80, None]
    assert by_fill["delivered_lumi"].to_pylist() == [1.0, 2.0, None, None]
    eras = pa.table(
        {
            "name": ["long", "short", "open", "future"],
            "start_fill": [60, 71, 75, None],
            "end_fill": [79, 72, None, None],
        }
    )
    by_era = luminosity(MASK, rows(), by="era", eras=eras).table
    found = dict(zip(by_era["era"].to_pylist(), by_era["missing"].to_pylist(),
                     strict=True))  # fmt: skip
    assert found == {"long": 0, "short": 1, "open": 1, None: 2}


def test_units_are_converted_and_never_guessed() -> None:
    """Any known unit becomes /pb, none is an error."""
    assert luminosity(MASK, rows("/nb")).delivered == pytest.approx(3e-3)
    assert luminosity(MASK, rows(r"{\mu}b^{-1}")).delivered == pytest.approx(3e-6)
    for unit, words in ((None, "no unit"), ("furlong", "'furlong'")):
        with pytest.raises(UnitError, match=words):
            luminosity(MASK, rows(unit))


def test_nothing_known_is_unknown() -> None:
    """Without rows the sums are None, not 0, whatever the unit."""
    empty = rows(None).slice(0, 0)
    found = luminosity(MASK, empty)
    assert found.delivered is found.recorded is None
    assert found.missing == MASK
    assert "unknown delivered" in str(found)
    assert luminosity(LumiMask(), rows()).complete
    without = rows().drop_columns(["fill_number"])
    assert luminosity(MASK, without, by="fill").table["fill_number"].to_pylist() == [
        None
    ]


@pytest.mark.parametrize(
    ("table", "options", "words"),
    [
        (rows(values=[(7, 1, 70, 1.0, 1.0)] * 2), {}, "lumisection 1 has several rows"),
        (rows().drop_columns([DELIVERED]), {}, "cumulative over the fill"),
        (rows(), {"by": "year"}, "none of"),
        (rows(), {"by": "era"}, r"eras=oms\.eras\(\)"),
    ],
)
def test_what_cannot_be_summed_is_refused(table, options, words) -> None:
    """Doubled rows, missing columns and unknown groups raise."""
    with pytest.raises(MaskError, match=words):
        luminosity(MASK, table, **options)
    with pytest.raises(MaskError, match="without an end"):
        luminosity(LumiMask.from_json({"7": [[-1]]}), rows())


class Asked:
    """A client that remembers what it was asked."""

    def __init__(self) -> None:
        self.runs: list[object] = []

    def lumisections(self, runs=None, **options):
        self.runs.append((runs, options["fields"]))
        return Table(rows())


def test_a_client_is_asked_for_the_runs_of_the_mask() -> None:
    """Anyone with lumisections() will do; nothing is asked for an empty mask."""
    client = Asked()
    assert luminosity(MASK, client).delivered == 3.0
    assert client.runs[0][0] == [7, 8]
    assert luminosity(LumiMask(), client).delivered == 0.0
    assert len(client.runs) == 1
    assert len(table_for(LumiMask(), client)) == 0


def test_the_demo_is_called_simulated() -> None:
    """A sum over demo rows says that it is simulated; other tables are not."""
    golden = LumiMask.from_ranges([(297050, 12, 137), (297050, 193, 776)])
    with Client("demo") as oms:
        found = luminosity(golden, oms)
        by_era = luminosity(golden, oms, by="era", eras=oms.eras())
    assert found.simulated
    assert str(found).endswith("Simulated by the demo.")
    assert found.counted == 710
    assert by_era.table["era"].to_pylist() == ["2017B"]
    assert not is_simulated(rows())
    assert not is_simulated(Table(rows()))
    assert is_simulated(Table(rows(), warnings=[Note(NoteKind.SIMULATED, "made up")]))


def test_the_luminosity_of_nothing_is_zero():
    """An empty mask has no luminosity, and that is known."""
    found = luminosity(LumiMask(), _no_rows())
    assert (found.delivered, found.recorded, found.complete) == (0.0, 0.0, True)
    assert "0 lumisections: 0 /pb delivered, 0 /pb recorded." in str(found)


def _no_rows():
    columns = ["run_number", "lumisection_number", "delivered_lumi_per_lumisection",
               "recorded_lumi_per_lumisection"]  # fmt: skip
    return pa.table({name: pa.array([], pa.int64()) for name in columns})
