"""What is asked for the counts of some paths of a run: by name, by pattern, or all.

Few paths are asked by name, one question each. Patterns that leave most paths out go to
the service as they are. Else all rows of the run are read and kept by name: pages of
20 000 rows are far fewer requests than paths.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from omskit.query import field as column
from omskit.trigger.columns import matches, patterns_of
from omskit.trigger.conditions import MANY_ROWS, Asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omskit.client.options import Selector
    from omskit.trigger.columns import Asks

FEW_PATHS = 8
"""So many paths are asked for by name, and so many patterns as they are."""


def questions(
    query: Any, chosen: Sequence[str], names: Sequence[str], patterns: Sequence[str]
) -> list[tuple[Any, int]]:
    """The questions for some paths of a run, and how many requests each is at least.

    Args:
        query: For all paths of the run.
        chosen: The paths that are wanted.
        names: All paths of the run; none where that is not known.
        patterns: What the paths were chosen by.
    """
    by_name = column("path_name")
    if names and len(chosen) <= FEW_PATHS:
        return [(query.where(by_name.is_in(list(chosen))), len(chosen))]
    most = 2 * len(chosen) > len(names) if names else "*" in patterns
    if most or len(patterns) > FEW_PATHS:
        return [(query, 1)]
    if not names:
        # A name may stand there with or without its version.
        asked = list(dict.fromkeys(f"{p.rstrip('*')}*" for p in patterns))
        return [(query.where(by_name.matches(pattern)), 1) for pattern in asked]
    asked = [p if "_v" in p or p.endswith("*") else f"{p}_v*" for p in patterns]
    asked = [p for p in asked if any(fnmatchcase(n, p) for n in chosen)]
    found = [(query.where(by_name.matches(pattern)), 1) for pattern in asked]
    rest = [n for n in chosen if not any(fnmatchcase(n, p) for p in asked)]
    if rest:
        found.append((query.where(by_name.is_in(rest)), len(rest)))
    return found


def explain(client: Asks, runs: Selector, *, paths: str | Iterable[str] = "*") -> str:
    """How many requests `hlt` makes for these runs, in words.

    Cost: two questions, and two or more per run, for its paths and number of rows.
    """
    asked, patterns = Asked(client), patterns_of(paths)
    rows = asked.rows("lumisections", runs, ("run_number",), page_size=MANY_ROWS)
    numbers = sorted(set(rows["run_number"].to_pylist()))
    lines, total = [], 3
    for run in numbers:
        config = asked.rows("hltconfigdata", run, ("path_name",))
        names = config["path_name"].to_pylist()
        chosen = [name for name in names if matches(name, patterns)]
        query = client.query("hltpathrates", run).group("lumisection")
        pages, size, how = 0, 0, "no such path"
        for one, least in questions(query, chosen, names, patterns) if chosen else ():
            count = one.count()
            size, pages = size + count, pages + max(least, -(-count // MANY_ROWS))
            how = "those paths alone" if one is not query else "all, kept by name"
        lines.append(f"run {run}: {size} rows in {pages} pages, {how}; 3 for its menu")
        total += pages + 3
    head = f"{total} requests: lumisections, runs and fills"
    return "\n".join([head, *lines])
