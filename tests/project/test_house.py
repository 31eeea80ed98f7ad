"""The map in CONTRIBUTING, held against the package."""

from __future__ import annotations

import importlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "omskit"
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LONGEST = 400


def section(title):
    """The text below a heading of the guide, up to the next."""
    return re.split(r"^## ", GUIDE.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]


def first_column(text):
    """What stands between back-ticks in the first column of a table."""
    rows = re.findall(r"^\| *(`.*?) *\|", text, flags=re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def layers():
    """The floors of the house from the top down, as the linter has them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [
        c for c in config["tool"]["importlinter"]["contracts"] if c["type"] == "layers"
    ]
    assert contract["containers"] == ["omskit"]
    assert contract["exhaustive"] is True
    return [re.split(r" *[|:] *", line) for line in contract["layers"]]


def test_every_place_is_on_the_map_once():
    """The map names each folder and module of the package, and nothing else."""
    named = first_column(section("The map"))
    folders = {f"{p.parent.name}/" for p in PACKAGE.glob("*/__init__.py")}
    modules = {p.name for p in PACKAGE.glob("*.py")}
    # The doors themselves need no line: what is behind them has one.
    doors = {"__init__.py", "__main__.py"}
    assert sorted(named) == sorted(folders | modules - doors)


def test_the_map_goes_up():
    """Nothing on the map stands below something that may import it."""
    floor = {
        name: number for number, line in enumerate(reversed(layers())) for name in line
    }
    named = [
        n.removesuffix("/").removesuffix(".py")
        for n in first_column(section("The map"))
    ]
    floors = [floor[name] for name in named]
    assert floors == sorted(floors)


def test_the_way_of_a_query_exists():
    """Every name on the way of a query can be imported."""
    names = re.findall(r"`(omskit(?:\.\w+)+)`", section("The way of one query"))
    assert len(names) > 10
    for name in names:
        module, value = name, None
        while True:
            try:
                value = importlib.import_module(module)
                break
            except ModuleNotFoundError:
                module = module.rpartition(".")[0]
        for part in name.removeprefix(module).split(".")[1:]:
            value = getattr(value, part)
        assert value is not None


def test_the_places_to_add_exist():
    """Every path that the guide sends a newcomer to is there."""
    paths = re.findall(r"`((?:src|docs|tests)/[\w./-]+)`", section("Where to add"))
    assert len(paths) >= 8
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    "path",
    sorted(PACKAGE.rglob("*.py")),
    ids=lambda p: str(p.relative_to(PACKAGE)),
)
def test_no_module_is_long(path):
    """A module has at most 400 lines."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
