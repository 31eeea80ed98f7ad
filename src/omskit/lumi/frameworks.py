"""Masks for other frameworks: coffea, RDataFrame (C++), CRAB and brilcalc."""

from __future__ import annotations

import importlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.errors import MaskError, MissingExtraError
from omskit.lumi.edges import triples

if TYPE_CHECKING:
    from omskit.lumi.lumiset import LumiSet

IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
CPP_WIDTH = 4

HEADER = """\
// {count} lumisections in {runs} runs, written by omskit.
// RDataFrame: gInterpreter->Declare("#include \\"{name}.h\\"");
//             frame.Filter("{name}(run, luminosityBlock)");
#ifndef OMSKIT_{guard}_H
#define OMSKIT_{guard}_H
#include <algorithm>
#include <cstdint>
#include <iterator>

// Whether a lumisection is in the mask. Cost: a binary search in {size} numbers.
inline bool {name}(std::uint32_t run, std::uint32_t lumisection) {{
    // Where ranges begin (even places) and end (odd), run * 2^32 + lumisection.
    static constexpr std::uint64_t edges[] = {{
{edges}
    }};
    const std::uint64_t key = (std::uint64_t(run) << 32) | lumisection;
    const auto place = std::upper_bound(std::begin(edges), std::end(edges), key);
    return (place - std::begin(edges)) % 2 == 1;
}}
#endif
"""


def to_coffea(mask: LumiSet) -> Any:
    """The mask as ``coffea.lumi_tools.LumiMask``, whose arrays are sorted here.

    coffea (2026.9.0) searches the ranges as the file lists them, so files with unsorted
    ranges lose lumisections there; this object has them in order.

    Raises:
        MissingExtraError: coffea is not installed.
        MaskError: An end is open.
    """
    try:
        coffea = importlib.import_module("coffea.lumi_tools").LumiMask
    except ImportError as error:
        message = (
            "To make a mask of coffea, coffea is needed, which is not installed. "
            "Try: pip install coffea"
        )
        raise MissingExtraError(message) from error
    made = coffea.__new__(coffea)
    made._masks = coffea_arrays(mask)  # noqa: SLF001  # what its reader fills
    return made


def coffea_arrays(mask: LumiSet) -> dict[Any, Any]:
    """What coffea's reader makes of a sorted file: per run, first - 1, last, ...

    Cost: O(ranges).

    Example:
        >>> from omskit import LumiMask
        >>> arrays = coffea_arrays(LumiMask.from_ranges([(7, 1, 3)]))
        >>> {int(run): part.tolist() for run, part in arrays.items()}
        {7: [0, 3]}
    """
    mask._need_ends("make it a mask of coffea", good_only=True)  # noqa: SLF001
    runs, first, last = triples(mask._good)  # noqa: SLF001
    flat = np.column_stack((first - 1, last)).astype(np.uint32).reshape(-1)
    own, begin = np.unique(runs, return_index=True)
    parts = np.split(flat, 2 * begin[1:]) if own.size else []
    return {np.uint32(run): part for run, part in zip(own, parts, strict=True)}


def to_cpp(mask: LumiSet, name: str = "golden") -> str:
    """A C++ header with one function, ``bool name(run, lumisection)``.

    It needs C++11 and nothing but the standard library.

    Args:
        mask: An open end goes on for ever there too.
        name: What the function is called.

    Raises:
        MaskError: The name is none in C++, or the mask is empty.

    Cost: O(ranges).
    """
    if not IDENTIFIER.fullmatch(name):
        message = (
            f"{name!r} is no name for a C++ function. Try letters, as in 'golden'."
        )
        raise MaskError(message)
    if not mask:
        message = "An empty mask makes no header: C++ has no empty arrays."
        raise MaskError(message)
    edges = mask._good.tolist()  # noqa: SLF001  # of our own kind
    words = [f"{edge}ULL" for edge in edges]
    lines = [
        "        " + ", ".join(words[i : i + CPP_WIDTH])
        for i in range(0, len(words), CPP_WIDTH)
    ]
    return HEADER.format(
        name=name,
        guard=name.upper(),
        count="open ranges of" if mask.good.is_open else len(mask),
        runs=mask.runs.size,
        size=len(edges),
        edges=",\n".join(lines),
    )


def to_crab(mask: LumiSet, path: str = "mask.json") -> str:
    """The lines of a CRAB configuration that select the mask's runs.

    CRAB reads the certification file itself (``config.Data.lumiMask``, a path to what
    `omskit.lumi.files.write_mask` wrote); ``runRange`` keeps it from looking at others.

    Args:
        mask: The mask.
        path: Where the certification file is.

    Raises:
        MaskError: The mask is empty.

    Example:
        >>> from omskit import LumiMask
        >>> print(to_crab(LumiMask.from_ranges([(7, 1, 3), (8, 1, 1), (11, 1, 1)])))
        config.Data.splitting = 'LumiBased'
        config.Data.lumiMask = 'mask.json'
        config.Data.runRange = '7-8,11'
    """
    runs = mask.runs
    if not runs.size:
        message = "An empty mask selects nothing to run on."
        raise MaskError(message)
    ends = np.append(np.flatnonzero(np.diff(runs) > 1), runs.size - 1)
    begins = np.append(0, ends[:-1] + 1)
    spans = [
        str(runs[a]) if a == b else f"{runs[a]}-{runs[b]}"
        for a, b in zip(begins, ends, strict=True)
    ]
    return (
        "config.Data.splitting = 'LumiBased'\n"
        f"config.Data.lumiMask = {path!r}\n"
        f"config.Data.runRange = '{','.join(spans)}'"
    )
