"""An archive of days."""

from __future__ import annotations

import datetime as dt
import json
import re

import pytest

from omskit.errors import UsageError
from omskit.reports.archive import days_between, index_of, read_kept, write_days


def day(number):
    """A day of June 2017."""
    return dt.date(2017, 6, number)


def test_days_have_pages(demo, tmp_path):
    """Days with lumisections have a page each, and the index leads to all of them."""
    folder = tmp_path / "archive"
    days = [day(n) for n in (15, 16, 17)]
    written = dict(write_days(demo, folder, days))
    assert written[day(15)] is None
    assert written[day(16)] == folder / "2017-06-16.html"
    index = (folder / "index.html").read_text(encoding="utf-8")
    links = re.findall(r'href="([^"]+)"', index)
    assert set(links) == {
        f"2017-06-{n}.{form}" for n in (16, 17) for form in ("html", "md")
    }
    assert all((folder / link).is_file() for link in links)
    assert "Simulated by the demo" in index


def test_an_archive_grows(demo, tmp_path):
    """Days that were written before stay in the index."""
    list(write_days(demo, tmp_path, [day(16)]))
    list(write_days(demo, tmp_path, [day(17)]))
    assert set(read_kept(tmp_path)) == {"2017-06-16", "2017-06-17"}


def test_days_between():
    """Every day that has a part between two times is there, once."""
    start = dt.datetime(2017, 6, 16, 22, tzinfo=dt.UTC)
    end = dt.datetime(2017, 6, 18, tzinfo=dt.UTC)
    assert days_between(start, end) == [day(16), day(17)]


@pytest.mark.parametrize("length", [0, -1, 2000])
def test_too_few_or_too_many_days(length):
    """No day, and years of days, are refused."""
    start = dt.datetime(2017, 6, 16, tzinfo=dt.UTC)
    with pytest.raises(UsageError, match=r"no day from|too many"):
        days_between(start, start + dt.timedelta(days=length))


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "{}",
        '{"format": "other 9", "days": []}',
        '{"format": "omskit archive 1", "days": [{"day": "../x"}]}',
        json.dumps(
            {
                "format": "omskit archive 1",
                "days": [
                    {
                        "day": "20170616",
                        "sentence": "",
                        "delivered_pb": None,
                        "recorded_pb": None,
                        "simulated": False,
                    }
                ],
            }
        ),
    ],
    ids=["text", "empty", "other", "path", "form"],
)
def test_a_file_that_is_no_archive(tmp_path, text):
    """A file that omskit did not write is refused and left as it is."""
    (tmp_path / "archive.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match="archive"):
        read_kept(tmp_path)


def test_a_folder_that_cannot_be_made(demo, tmp_path):
    """Where a file is in the way, one line says so."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="Cannot make the folder"):
        list(write_days(demo, tmp_path / "file" / "x", []))


def test_an_empty_archive_has_an_index():
    """An archive without days says so."""
    assert "There is no report yet." in index_of({})
