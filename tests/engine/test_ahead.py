"""Pages that follow each other are read several at once."""

from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omskit.engine import ahead as module
from omskit.engine.ahead import Ahead

ROWS = pa.table({"n": range(2000)})
SIZE = pa.Table.get_total_buffer_size


def reader(asked):
    def read(offset, limit):
        asked.append((offset, limit))
        return ROWS.slice(offset, limit)

    return read


asks = st.tuples(
    st.sampled_from(["a", "b"]), st.integers(0, 40), st.sampled_from([1, 7, 50, 100])
)


@given(asks=st.lists(asks, max_size=40))
def test_pages_are_those_that_were_asked_for(asks):
    """Whatever is asked in whatever order, the rows are those of the page."""
    ahead, asked = Ahead(SIZE), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS", 160)
        patch.setattr(module, "ROOM", 1000)
        patch.setattr(module, "PATIENCE", 2)
        patch.setattr(module, "_READERS", 3)
        for rows, place, limit in asks:
            found = ahead.page(rows, place * limit, limit, reader(asked))
            assert found.equals(ROWS.slice(place * limit, limit))


def test_who_reads_on_is_served_from_one_piece():
    """The second page reads ahead, those after it read nothing."""
    ahead, asked = Ahead(SIZE), []
    for offset in range(0, 1000, 100):
        ahead.page("rows", offset, 100, reader(asked))
    assert asked == [(0, 100), (100, 800), (900, 6400)]
    ahead.page("rows in another version", 1000, 100, reader(asked))
    ahead.page("rows", 1900, 100, reader(asked))
    assert asked[3:] == [(1000, 100), (1900, 100)]


def test_more_readers_than_there_is_room_for_are_served_page_by_page(monkeypatch):
    """A piece stays until it is read; one whose reader has gone makes room in time."""
    monkeypatch.setattr(module, "ROOM", 8)
    monkeypatch.setattr(module, "GROWTH", 4)
    monkeypatch.setattr(module, "PATIENCE", 3)
    ahead, asked = Ahead(SIZE), []
    for offset in (0, 100, 200):
        for rows in ("gone", "a"):
            if rows == "a" or offset < 200:
                ahead.page(rows, offset, 100, reader(asked))
    assert asked == [(0, 100), (0, 100), (100, 400), (100, 100), (200, 100)]
    ahead.page("a", 300, 100, reader(asked))
    ahead.page("a", 400, 100, reader(asked))
    assert asked[5:] == [(300, 100), (400, 400)]


def test_who_reads_on_and_on_gets_larger_pieces(monkeypatch):
    """Each is larger than the one before; where half of the room is taken, less."""
    monkeypatch.setattr(module, "ROWS", 800)
    monkeypatch.setattr(module, "GROWTH", 4)
    ahead, asked = Ahead(SIZE), []
    for offset in range(0, 700, 100):
        ahead.page("rows", offset, 100, reader(asked))
    assert asked == [(0, 100), (100, 400), (500, 800)]
    monkeypatch.setattr(module, "ROOM", 2 * ROWS.nbytes)
    for offset in range(0, 700, 100):
        ahead.page("others", offset, 100, reader(asked))
    assert asked[3:] == [(0, 100), (100, 400), (500, 400)]


def test_what_is_here_does_not_wait_for_what_is_read():
    """A page of a piece is taken while another piece is being read."""
    ahead, asked = Ahead(SIZE), []
    for offset in (0, 100):
        ahead.page("rows", offset, 100, reader(asked))
    ahead.page("others", 0, 100, reader(asked))
    found = []

    def read(offset, limit):
        # In a thread of its own: this one holds what readers hold.
        asking = threading.Thread(
            target=lambda: found.append(ahead.page("rows", 200, 100, reader(asked)))
        )
        asking.start()
        asking.join(30)
        return ROWS.slice(offset, limit)

    ahead.page("others", 100, 100, read)
    assert [page["n"][0].as_py() for page in found] == [200]


def test_the_end_is_read_as_it_is():
    """A page that the piece does not hold whole is read: it may have grown."""
    ahead, asked = Ahead(SIZE), []
    for offset in range(0, 2100, 300):
        found = ahead.page("rows", offset, 300, reader(asked))
    assert found["n"].to_pylist() == list(range(1800, 2000))
    assert asked[-1][0] == 1800


def test_who_comes_after_takes_from_the_same_piece(monkeypatch):
    """A piece that was read to its end stays while there is room, and goes first."""
    monkeypatch.setattr(module, "ROWS", 800)
    monkeypatch.setattr(module, "GROWTH", 4)
    ahead, asked = Ahead(SIZE, 20_000, lasting=True), []
    for _ in range(2):
        for offset in range(0, 500, 100):
            ahead.page("rows", offset, 100, reader(asked))
    assert asked == [(0, 100), (100, 400), (0, 100)]
    ahead.page("others", 0, 100, reader(asked))
    ahead.page("others", 100, 100, reader(asked))
    ahead.page("others", 200, 100, reader(asked))
    assert [key[0] for key in ahead._pieces] == ["rows", "others"]
    for offset in range(0, 200, 100):
        ahead.page("more", offset, 100, reader(asked))
    assert [key[0] for key in ahead._pieces] == ["others", "more"]


def test_of_large_rows_fewer_are_read_ahead(monkeypatch):
    """A piece is bounded in bytes, by the rows of the page before it."""
    monkeypatch.setattr(module, "WIDEST", 8 * 350)
    ahead, asked = Ahead(SIZE), []
    for offset in range(0, 500, 100):
        ahead.page("rows", offset, 100, reader(asked))
    assert asked == [(0, 100), (100, 300), (400, 300)]
    monkeypatch.setattr(module, "WIDEST", 8)
    ahead.page("others", 0, 100, reader(asked))
    ahead.page("others", 100, 100, reader(asked))
    assert asked[3:] == [(0, 100), (100, 100)]


def test_who_searches_is_waited_for_by_nobody_else():
    """While rows are searched for, a piece of others is read."""
    ahead, asked = Ahead(SIZE), []
    for rows in ("found", "next"):
        ahead.page(rows, 0, 100, reader(asked))
    threads = []

    def read(offset, limit):
        def ask():
            ahead.page("next", 100, 100, reader(asked))

        threads.append(threading.Thread(target=ask))
        threads[0].start()
        threads[0].join(30)
        assert not threads[0].is_alive()
        return ROWS.slice(offset, limit)

    ahead.page("found", 100, 100, read, searched=True)
    assert asked[2:] == [(100, 800)]


def test_large_pages_are_not_read_ahead():
    """Pages that are pieces themselves cost no memory twice."""
    ahead, asked = Ahead(SIZE), []
    for offset in (0, 9000, 18000):
        ahead.page("rows", offset, 9000, reader(asked))
    assert asked == [(0, 9000), (9000, 9000), (18000, 9000)]


def test_readers_side_by_side_share_a_piece():
    """Of threads that read on at once one reads, the others take from it."""
    ahead, asked = Ahead(SIZE), []
    ahead.page("rows", 0, 100, reader(asked))
    for offset in range(100, 500, 100):
        ahead._ends["rows", offset] = 100
    found = {}

    def ask(offset):
        found[offset] = ahead.page("rows", offset, 100, reader(asked))

    first = threading.Thread(target=ask, args=(100,))
    first.start()
    first.join(30)
    threads = [threading.Thread(target=ask, args=(n,)) for n in range(200, 500, 100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert asked == [(0, 100), (100, 800)]
    assert all(found[n].equals(ROWS.slice(n, 100)) for n in found)
