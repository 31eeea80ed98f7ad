"""Masks for coffea, C++, CRAB and brilcalc."""

from __future__ import annotations

import ast
import itertools
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest

from omskit.errors import MaskError, MissingExtraError
from omskit.lumi import LumiMask, to_coffea, to_cpp, to_crab

MASK = LumiMask.from_ranges(
    [(297050, 12, 137), (297050, 193, 776), (297056, 1, 1), (2**31 - 1, 5, None)]
)
CLOSED = MASK.restrict((1, 300000))
WHOLE = LumiMask.from_json({"5": [[-1]]})


class Coffea:
    """As much of coffea's class as matters: its constructor must not be called."""

    def __init__(self, path) -> None:
        raise AssertionError(path)

    def contains(self, run, lumisection) -> bool:
        """What its kernel does: searchsorted in first - 1, last, ..."""
        edges = self._masks.get(np.uint32(run), np.empty(0))
        return bool(np.searchsorted(edges, lumisection) % 2 == 1)


@pytest.fixture
def coffea(monkeypatch):
    """A stand-in for coffea, whose contract this is (coffea 2026.9.0)."""
    module = types.ModuleType("coffea.lumi_tools")
    module.LumiMask = Coffea  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "coffea", types.ModuleType("coffea"))
    monkeypatch.setitem(sys.modules, "coffea.lumi_tools", module)


def test_coffea_gets_sorted_arrays(coffea) -> None:
    """Its kernel on our arrays gives our answers, also at the edges."""
    mask = LumiMask.from_json({"7": [[20, 30], [1, 9]], "9": [[4, 4]]})
    made = to_coffea(mask)
    assert {int(k): v.tolist() for k, v in made._masks.items()} == {
        7: [0, 9, 19, 30],
        9: [3, 4],
    }
    assert all(v.dtype == np.uint32 for v in made._masks.values())
    for run, number in itertools.product((6, 7, 8, 9), range(40)):
        assert made.contains(run, number) == mask.contains(run, number)
    assert LumiMask().to_coffea()._masks == {}


def test_coffea_is_named_where_it_is_missing(monkeypatch) -> None:
    """Without coffea the error says what to install; open ends are refused."""
    monkeypatch.setitem(sys.modules, "coffea.lumi_tools", None)
    with pytest.raises(MissingExtraError, match="pip install coffea"):
        MASK.to_coffea()


def test_coffea_has_no_open_ends(coffea) -> None:
    """A range without an end does not fit into its arrays."""
    with pytest.raises(MaskError, match="without an end"):
        to_coffea(WHOLE)


@pytest.fixture(scope="session")
def compiler():
    """A C++ compiler, or a skip."""
    found = shutil.which("g++") or shutil.which("clang++")
    if not found:
        pytest.skip("there is no C++ compiler (g++ or clang++) on this machine")
    return found


def test_the_header_compiles_and_answers_as_the_mask(compiler, tmp_path) -> None:
    """The C++ function gives the mask's answers at every edge of every range."""
    (tmp_path / "golden.h").write_text(MASK.to_cpp())
    (tmp_path / "again.h").write_text(to_cpp(CLOSED, "again"))
    (tmp_path / "main.cc").write_text(
        '#include "golden.h"\n#include "golden.h"\n#include "again.h"\n'
        "#include <iostream>\nint main() { std::uint32_t r, l;\n"
        "  while (std::cin >> r >> l) std::cout << golden(r, l) << again(r, l);\n}\n"
    )
    flags = ["-std=c++11", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    program = tmp_path / "main"
    subprocess.run(
        [compiler, *flags, str(tmp_path / "main.cc"), "-o", str(program)], check=True
    )
    runs = [0, 1, 297049, 297050, 297051, 297055, 297056, 297057, 2**31 - 1, 2**31]
    numbers = [0, 1, 2, 4, 5, 11, 12, 137, 138, 192, 193, 776, 777, 2**31 - 1]
    pairs = list(itertools.product(runs, numbers))
    done = subprocess.run(
        [str(program)],
        input="\n".join(f"{r} {n}" for r, n in pairs),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = "".join(
        f"{int(MASK.contains(r, n))}{int(CLOSED.contains(r, n))}" for r, n in pairs
    )
    assert done.stdout == expected


def test_headers_need_a_name_and_a_content() -> None:
    """A function must have a name of C++, and an array a length."""
    for name in ("1st", "a b", "", "é"):
        with pytest.raises(MaskError, match="no name for a C"):
            MASK.to_cpp(name)
    with pytest.raises(MaskError, match="empty mask"):
        LumiMask().to_cpp()


def test_crab_gets_lines_that_python_reads() -> None:
    """The lines are Python, and the run range names every run and no other."""
    text = to_crab(CLOSED | LumiMask.from_pairs([(297051, 1)]), "a/b.json")
    values = {
        ast.unparse(node.targets[0]): ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
    }
    assert values == {
        "config.Data.splitting": "LumiBased",
        "config.Data.lumiMask": "a/b.json",
        "config.Data.runRange": "297050-297051,297056",
    }
    with pytest.raises(MaskError, match="empty mask"):
        to_crab(LumiMask())


def test_brilcalc_reads_the_json_as_a_literal() -> None:
    """Brilcalc takes -i as JSON in a file and as a Python literal: ours is both."""
    assert ast.literal_eval(CLOSED.to_json()) == CLOSED.to_dict()
