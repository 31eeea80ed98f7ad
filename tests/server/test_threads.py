"""Large pages have threads of their own."""

from omskit.server.threads import Threads, rows_of


def test_rows_of_a_page():
    """The number of rows is read from any spelling of the parameter."""
    assert rows_of(b"page[limit]=5000") == 5000
    assert rows_of(b"sort=-x&page%5Blimit%5D=100000&fields=a") == 100_000
    assert rows_of(b"filter[x]=page[limit]=7") == 0
    assert rows_of(b"page[limit]=x") == 0


def test_large_pages_have_threads_of_their_own():
    """A page of 500 rows is made elsewhere than a row."""
    threads = Threads(1)
    large, small, other = (
        threads.of({"query_string": text})
        for text in (b"page[limit]=500", b"page[limit]=499", b"")
    )
    assert large is not small
    assert small is other
