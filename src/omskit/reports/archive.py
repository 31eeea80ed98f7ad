"""An archive of daily reports: a page a day, an index with a calendar.

The folder holds one HTML and one Markdown file per day of UTC with lumisections, an
``index.html``, and ``archive.json`` with the sentence of each day, from which the index
is made. Days are written again where they are asked for again, as OMS's rows change.
"""

from __future__ import annotations

import calendar
import datetime as dt
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from omskit._version import __version__
from omskit.errors import NoRowError, UsageError
from omskit.files import write_whole
from omskit.query.days import start_of
from omskit.reports.asking import report
from omskit.reports.html import asset, environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Unpack

    from omskit.client import Client
    from omskit.reports.asking import ReportOptions
    from omskit.reports.report import Report

KEPT = "archive.json"
FORMAT = "omskit archive 1"
MOST_DAYS = 1000


@dataclass(frozen=True, slots=True)
class Day:
    """What the index says of one day.

    Attributes:
        day: The day of UTC, as 2017-06-16.
        sentence: The first line of its report.
        delivered_pb, recorded_pb: Its luminosity; None where there was none.
        simulated: Its rows were made up.
    """

    day: str
    sentence: str
    delivered_pb: float | None
    recorded_pb: float | None
    simulated: bool


def days_between(since: dt.datetime, until: dt.datetime) -> list[dt.date]:
    """The days of UTC that have a part between the two, the end not included.

    Raises:
        UsageError: There is none, or there are very many.
    """
    if until <= since:
        message = f"There is no day from {since:%Y-%m-%d} to {until:%Y-%m-%d}."
        raise UsageError(message)
    last = (until - dt.timedelta(microseconds=1)).date()
    count = (last - since.date()).days + 1
    if count > MOST_DAYS:
        message = f"{count} days are too many at once; {MOST_DAYS} are the most."
        raise UsageError(message)
    return [since.date() + dt.timedelta(days=n) for n in range(count)]


def write_days(
    client: Client,
    folder: Path,
    days: list[dt.date],
    **options: Unpack[ReportOptions],
) -> Iterator[tuple[dt.date, Path | None]]:
    """Write the report of each day, then the index of all that the folder has.

    Yields:
        Each day with the page that was written; None: no lumisection began on it.

    Raises:
        UsageError: The folder cannot be written to, or its archive is none.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"Cannot make the folder {folder}: {error.strerror}."
        raise UsageError(message) from error
    kept = read_kept(folder)
    for day in days:
        start = start_of(day)
        try:
            found = report(
                client, since=start, until=start + dt.timedelta(days=1), **options
            )
        except NoRowError:
            yield day, None
            continue
        path = folder / f"{day}.html"
        _write(path, found.to_html())
        _write(folder / f"{day}.md", found.to_markdown())
        kept[str(day)] = _day(str(day), found)
        yield day, path
    listed = {"format": FORMAT, "days": [asdict(kept[name]) for name in sorted(kept)]}
    _write(folder / KEPT, json.dumps(listed, indent=1) + "\n")
    _write(folder / "index.html", index_of(kept))


def _day(name: str, found: Report) -> Day:
    lumi = found.ledger
    return Day(
        name,
        found.sentence,
        None if lumi is None else lumi.delivered_pb,
        None if lumi is None else lumi.recorded_pb,
        found.simulated,
    )


def _write(path: Path, text: str) -> None:
    write_whole(path, lambda stream: stream.write(text.encode()), UsageError)


def read_kept(folder: Path) -> dict[str, Day]:
    """The days that the archive in a folder has; none where there is no archive.

    Raises:
        UsageError: Its ``archive.json`` is not one that omskit wrote.
    """
    path = folder / KEPT
    try:
        found = json.loads(path.read_bytes())
        days = [Day(**_checked(day)) for day in found["days"]]
        is_ours = found["format"] == FORMAT
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError) as error:
        message = (
            f"{path} is not the archive of omskit ({error}). "
            "Move it away, or name another folder with --into."
        )
        raise UsageError(message) from error
    if not is_ours:
        message = f"{path} is an archive of another omskit: {found['format']!r:.40}."
        raise UsageError(message)
    return {day.day: day for day in days}


def _checked(day: dict[str, Any]) -> dict[str, Any]:
    """The fields of a day.

    Raises:
        ValueError: The day is no date: it becomes the name of a file in the index.
    """
    if str(dt.date.fromisoformat(day["day"])) != day["day"]:
        message = f"{day['day']!r:.40} is no day"
        raise ValueError(message)
    return day


def index_of(kept: dict[str, Day]) -> str:
    """The page that leads to every day: a calendar a month, the newest first."""
    from markupsafe import Markup

    months = sorted({name[:7] for name in kept}, reverse=True)
    return (
        environment()
        .get_template("index.html")
        .render(
            months=[(_title(m), _weeks(m)) for m in months],
            kept=kept,
            newest=[kept[name] for name in sorted(kept, reverse=True)],
            simulated=any(day.simulated for day in kept.values()),
            version=__version__,
            style=Markup(asset("style.css")),  # noqa: S704  # a file of our own
        )
    )


def _title(month: str) -> str:
    return dt.date.fromisoformat(f"{month}-01").strftime("%B %Y")


def _weeks(month: str) -> list[list[str]]:
    """The weeks of a month, Monday first, as days; "" outside it."""
    year, number = map(int, month.split("-"))
    return [
        [str(day) if day.month == number else "" for day in week]
        for week in calendar.Calendar().monthdatescalendar(year, number)
    ]
