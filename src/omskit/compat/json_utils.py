"""The ``json_utils`` module of the ML4DQM notebooks, on `omskit.lumi`.

Same names, arguments and return shapes, so that a notebook changes one import. What
differs, on purpose:

* a file or dict without meaning (a reversed range, say) raises, and does not match;
* ``[a, 0]`` is an open end, repeated runs add up, ``get_lcs`` is sorted;
* ``isgolden`` and ``isdcson`` with ``year=None`` ask the files that are there, instead
  of failing on the first that is not, and say so where none is;
* arrays of unequal length raise instead of being cut.

Certification files are looked for in the folder that ``OMSKIT_CERT_DIR`` names, as
``json_GOLDEN_2017.txt`` and so on. Without it there are those of the demo's runs only.
"""

from __future__ import annotations

import json
import os
from functools import lru_cache, reduce
from importlib.resources import as_file, files
from operator import and_, or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omskit.errors import (
    ConfigError,
    MaskError,
    Remedy,
)
from omskit.files import read_file
from omskit.lumi import LumiMask
from omskit.lumi.edges import BoolArray, canonical, whole_numbers
from omskit.lumi.files import read_mask

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

YEARS = ("2017", "2018", "2022", "2024")
DEMO_RUNS = (range(297046, 297058), range(306458, 306459), range(315190, 315291))
"""The runs for which the demo's certification files speak."""
WHOLE_RUN = [[-1]]

JsonDict = dict[str, list[list[int]]]
Path_ = str | os.PathLike[str]


def loadjson(jsonfile: Path_) -> JsonDict:
    """The dict in a certification file.

    Raises:
        MaskError: There is no such file, or it is not JSON.
    """
    try:
        text = read_file(Path(jsonfile)).decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_merged)
    except (OSError, ValueError, RecursionError) as error:
        message = f"Cannot read the certification file {jsonfile}: {error}."
        raise MaskError(message) from error
    if not isinstance(document, dict):
        message = f"{jsonfile} holds no object of runs but {type(document).__name__}."
        raise MaskError(message)
    return document


def _merged(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; ranges of a repeated run add up, where JSON keeps the last."""
    merged: dict[str, Any] = {}
    for key, value in pairs:
        merged[key] = merged[key] + value if key in merged else value
    return merged


def writejson(
    jsondict: Mapping[str, Any],
    outputfile: Path_,
    overwrite: bool = False,  # noqa: FBT002  # the signature of the original
) -> None:
    """Write a dict as JSON, under the name given.

    Raises:
        MaskError: The file is there and *overwrite* is not set.
    """
    path = Path(outputfile)
    if path.exists() and not overwrite:
        message = f"{path} is there already."
        remedy = Remedy(
            "Give overwrite=True to replace it.", "Give --overwrite to replace it."
        )
        raise MaskError(message, remedy=remedy)
    path.write_text(json.dumps(jsondict), encoding="utf-8")


def injson(
    run: Any,
    lumi: Any,
    jsonfile: Path_ | None = None,
    jsondict: Mapping[Any, Any] | None = None,
) -> BoolArray | bool:
    """Whether lumisections are in a certification file or dict.

    Args:
        run: A run number or an array of them.
        lumi: A lumisection number, or as many of them as there are runs.
        jsonfile: A path; give either this or *jsondict*.
        jsondict: A dict of run to ranges.

    Returns:
        A bool array; a plain bool for one pair.

    Raises:
        MaskError: Neither or both sources are given, or they have no meaning.

    Example:
        >>> injson([297050, 297050], [11, 12], jsondict={"297050": [[12, 137]]})
        array([False,  True])
    """
    if (jsonfile is None) == (jsondict is None):
        message = "Give either jsonfile or jsondict, and not both."
        raise MaskError(message)
    runs, lumis = _pairs(run, lumi)
    if jsonfile is not None:
        mask = _mask(jsonfile)
    else:
        asked = set(runs.tolist())
        wanted = {k: v for k, v in (jsondict or {}).items() if _number(k) in asked}
        mask = LumiMask.from_json(wanted)
    return _members(mask, runs, lumis)


def isgolden(run: Any, lumi: Any, year: int | str | None = None) -> BoolArray | bool:
    """Whether lumisections are in the golden file of a year, or of any year.

    Args:
        run: A run number or an array of them.
        lumi: A lumisection number, or as many of them as there are runs.
        year: 2017, 2018, 2022 or 2024; None asks every file that is there.

    Returns:
        A bool array; a plain bool for one pair.

    Raises:
        ConfigError: No such file is there, or only the demo's, which do not know a run.

    Example:
        >>> isgolden(297050, 12)
        True
    """
    return _certified("GOLDEN", run, lumi, year)


def isdcson(run: Any, lumi: Any, year: int | str | None = None) -> BoolArray | bool:
    """Whether lumisections are in the DCS-only file of a year, or of any year.

    Arguments, result and errors are those of `isgolden`.

    Example:
        >>> isdcson([306458, 306458], [17, 18])
        array([ True, False])
    """
    return _certified("DCSONLY", run, lumi, year)


def _certified(
    kind: str, run: Any, lumi: Any, year: int | str | None
) -> BoolArray | bool:
    years = YEARS if year is None else (str(year),)
    if not set(years) <= set(YEARS):
        message = f"No certification file of {year!r}: give one of {', '.join(YEARS)}."
        raise ConfigError(message)
    names = [f"json_{kind}_{each}.txt" for each in years]
    runs, lumis = _pairs(run, lumi)
    folder = os.environ.get("OMSKIT_CERT_DIR")
    if folder:
        paths = [Path(folder) / name for name in names]
        masks = [_mask(path) for path in paths if path.is_file()]
    else:
        masks = list(_of_the_demo(names))
    if not masks:
        place = folder or "the demo (OMSKIT_CERT_DIR is not set)"
        message = f"None of {', '.join(names)} is in {place}. Put it there."
        raise ConfigError(message)
    if not folder:
        _check_demo(runs)
    return _members(reduce(or_, masks), runs, lumis)


def _of_the_demo(names: Iterable[str]) -> Iterator[LumiMask]:
    for name in names:
        entry = files("omskit.demo") / "certification" / name
        if entry.is_file():
            with as_file(entry) as path:
                yield _mask(path)


def _check_demo(runs: Any) -> None:
    """Refuse runs of which the demo's files say nothing: no answer is not False."""
    for run in set(runs.tolist()):
        if not any(run in span for span in DEMO_RUNS):
            message = (
                f"The certification files of the demo say nothing of run {run}. Put "
                "the official files into a folder and name it in OMSKIT_CERT_DIR."
            )
            raise ConfigError(message)


def _mask(path: Path_) -> LumiMask:
    """The mask of a file, read again only when the file has changed."""
    try:
        state = Path(path).stat()
    except OSError:
        return read_mask(path)
    return _read(os.fspath(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=16)
def _read(path: str, _changed: int, _size: int) -> LumiMask:
    return read_mask(path)


def _number(key: Any) -> Any:
    """The run of a key, text or not."""
    return int(key) if isinstance(key, str) and key.strip().isdecimal() else key


def _pairs(run: Any, lumi: Any) -> tuple[Any, Any]:
    """Runs and lumisections as arrays of one length."""
    runs = np.atleast_1d(np.asarray(run))
    if runs.dtype.kind in "US":
        # Keys of a certification dict, as some notebooks pass them.
        try:
            runs = runs.astype(np.int64)
        except ValueError as error:
            message = f"{run!r} is no run number."
            raise MaskError(message) from error
    runs = whole_numbers(runs, "run")
    lumis = whole_numbers(np.atleast_1d(np.asarray(lumi)), "lumi")
    if runs.shape != lumis.shape:
        message = (
            f"There are {runs.size} runs and {lumis.size} lumisections. "
            "Give two numbers, or two arrays of one length."
        )
        raise MaskError(message)
    return runs, lumis


def _members(mask: LumiMask, runs: Any, lumis: Any) -> BoolArray | bool:
    found: BoolArray = mask.contains(runs, lumis)
    return bool(found[0]) if found.size == 1 else found


def plainlist_to_rangelist(plainlist: Sequence[int]) -> list[list[int]]:
    """The ranges that a list of numbers fills, ends included.

    Example:
        >>> plainlist_to_rangelist([1, 2, 3, 5, 6])
        [[1, 3], [5, 6]]
    """
    numbers = whole_numbers(plainlist, "plainlist").astype(np.int64)
    ranges = canonical(numbers, numbers + 1).reshape(-1, 2) - [0, 1]
    return [list(pair) for pair in ranges.tolist()]


def rangelist_to_plainlist(rangelist: Iterable[Sequence[int]]) -> list[int]:
    """The numbers in a list of ranges, in the order given.

    Raises:
        MaskError: A range is not a pair.

    Example:
        >>> rangelist_to_plainlist([[1, 3], [5, 6]])
        [1, 2, 3, 5, 6]
    """
    numbers: list[int] = []
    for span in rangelist:
        if len(span) != 2:
            message = f"{span!r} is no range: it must be [first, last]."
            raise MaskError(message)
        numbers.extend(range(span[0], span[1] + 1))
    return numbers


def tuplelist_to_jsondict(
    tuplelist: Iterable[tuple[int | str, Sequence[int]]],
) -> JsonDict:
    """The dict of a list of (run, lumisections); ``[-1]`` stands for the whole run.

    Runs without lumisections are left out.

    Example:
        >>> tuplelist_to_jsondict([(297050, [1, 2, 4]), (297056, [-1])])
        {'297050': [[1, 2], [4, 4]], '297056': [[-1]]}
    """
    ranges: list[tuple[int, int, int | None]] = []
    for run, lumis in tuplelist:
        if list(lumis) == [-1]:
            ranges.append((int(run), 1, None))
        else:
            ranges.extend((int(run), lumi, lumi) for lumi in lumis)
    return _jsondict(LumiMask.from_ranges(ranges))


def jsondict_to_tuplelist(jsondict: Mapping[Any, Any]) -> list[tuple[int, list[int]]]:
    """The list of (run, lumisections) of a dict; ``[-1]`` stands for the whole run.

    Raises:
        MaskError: A range has no end, or no meaning.

    Example:
        >>> jsondict_to_tuplelist({"297050": [[1, 2], [4, 4]], "297056": [[-1]]})
        [(297050, [1, 2, 4]), (297056, [-1])]
    """
    tuples = []
    for key, spans in jsondict.items():
        mask = LumiMask.from_json({key: spans})
        whole = list(_jsondict(mask).values()) == [WHOLE_RUN]
        lumis = [-1] if whole else mask.pairs()[1].tolist()
        tuples.append((int(key), lumis))
    return tuples


def get_lcs(jsonlist: Sequence[Mapping[Any, Any]]) -> Mapping[Any, Any]:
    """The dict of what all dicts of a list have in common.

    Raises:
        MaskError: The list is empty, or a dict has no meaning.

    Example:
        >>> get_lcs([{"1": [[1, 9]], "2": [[1, 5]]}, {"1": [[4, 6], [8, 12]]}])
        {'1': [[4, 6], [8, 9]]}
    """
    if not jsonlist:
        message = "There is nothing in common among no dicts: give at least one."
        raise MaskError(message)
    if len(jsonlist) == 1:
        return jsonlist[0]
    masks = [LumiMask.from_json(document) for document in jsonlist]
    return _jsondict(reduce(and_, masks))


def _jsondict(mask: LumiMask) -> JsonDict:
    """The dict of a mask, whole runs as ``[-1]``."""
    document = mask.to_dict(strict=False)
    whole = [[1, 0]]
    return {k: [[-1]] if v == whole else v for k, v in document.items()}
