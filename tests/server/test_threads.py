"""Large pages have threads of their own."""

from omskit.server.threads import Threads, rows_of


def test_rows_of_a_page():
    """The number of rows is read from any spelling of the parameter."""
    assert rows_of(b"page[limit]=5000") == 5000
    assert rows_of(b"sort=-x&page%5Blimit%5D=100000&fields=a") == 100_000
    assert rows_of(b"filter[x]=page[limit]=7") == 0
    assert rows_of(b"page[limit]=x") == 0


def test_large_pages_have_threads_of_their_own():
    """Pages are made elsewhere than a row, and those to be found than the next ones."""
    threads = Threads(1)
    asked = (b"page[limit]=500", b"page%5Blimit%5D=500&filter[x][EQ]=1", b"")
    made = [threads.of({"query_string": text}) for text in asked]
    assert len(set(made)) == 3
    for text, same in (
        (b"sort=-x&page[limit]=9999", made[1]),
        (b"page[limit]=9999&fields=filter_x", made[0]),
        (b"page[limit]=499", made[2]),
    ):
        assert threads.of({"query_string": text}) is same
