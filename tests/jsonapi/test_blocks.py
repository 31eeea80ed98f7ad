"""Pages are cut from text that was written for many of them."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from omskit.jsonapi import blocks as module
from omskit.jsonapi.blocks import Written, blocks
from omskit.jsonapi.written import Style, rows_text
from omskit.schema import bundled

RUNS = bundled()["runs"]
TABLE = pa.table(
    {
        "run_number": range(40),
        "l1_rate": [None if n % 7 == 0 else n / 3 for n in range(40)],
        "fill_type_runtime": [f'"{n}\n' * (n % 3) for n in range(40)],
    }
)
STYLES = st.builds(Style, st.just("http://here"), st.just("{run_number}"))


def text_of(written):
    return b"[" + b",".join(written.parts()) + b"]"


@settings(max_examples=40)
@given(
    rows=st.integers(1, 9),
    at_once=st.integers(1, 20),
    first=st.integers(0, 39),
    cuts=st.lists(st.tuples(st.integers(0, 45), st.integers(0, 45)), max_size=4),
    style=STYLES,
)
def test_what_is_cut_is_what_is_written_alone(rows, at_once, first, cuts, style):
    """Any rows of a text, and any rows of those, are the bytes of just these rows."""
    table = TABLE.slice(first)
    before, module.AT_ONCE = module.AT_ONCE, at_once
    try:
        written = blocks(table, RUNS, style, total=99, rows=rows)
    finally:
        module.AT_ONCE = before
    assert written.num_rows == table.num_rows
    assert written.nbytes >= len(rows_text(table, RUNS, style)) - 1
    for offset, length in cuts:
        table, written = table.slice(offset, length), written.slice(offset, length)
        assert (written.num_rows, written.total) == (table.num_rows, 99)
        assert text_of(written) == rows_text(table, RUNS, style)


def test_a_page_of_its_own_has_its_text():
    """The list that a page came as is in it, whatever is in the list."""
    assert text_of(Written.whole(b"[]", 0, 5)) == b"[]"
    page = Written.whole(b"[1, 2]", 2, 5)
    assert text_of(page) == b"[1, 2]"
    assert text_of(page.slice(0, 5)) == b"[1, 2]"


def test_what_is_kept_is_packed():
    """Rows that are alike take a tenth of their text."""
    table = pa.concat_tables([TABLE] * 50)
    style = Style("http://here", "{run_number}")
    written = blocks(table, RUNS, style, total=2000, rows=1000)
    assert written.size * 5 < written.nbytes
