"""``oms mask and``, ``or``, ``sub`` and ``xor``: one mask made of several."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from omskit.cli.mask.files import deliver_mask, load_mask, short_name
from omskit.cli.mask.options import KeptOfFiles, MasksArgument
from omskit.cli.options import sharing
from omskit.errors import UsageError

if TYPE_CHECKING:
    from omskit.lumi import LumiMask


def _combining(
    word: str, operation: Callable[[LumiMask, LumiMask], LumiMask], text: str
) -> Callable[..., None]:
    """A command that makes one mask of several."""

    def command(masks: MasksArgument, *, given: KeptOfFiles) -> None:
        if len(masks) < 2:
            message = f"'oms mask {word}' takes two masks or more, got {len(masks)}."
            raise UsageError(message)
        if masks.count("-") > 1:
            message = "Only one mask can come from stdin (-)."
            raise UsageError(message)
        found = [load_mask(mask, quiet=given.quiet) for mask in masks]
        made, facts = reduce(operation, found).good, made_by(word, masks, found)
        deliver_mask(made, facts, given, open_ends=given.open_ends)

    command.__doc__ = text
    return sharing(KeptOfFiles)(command)


def made_by(word: str, names: list[str], masks: list[LumiMask]) -> dict[str, Any]:
    """The provenance of a mask made from others."""
    from omskit.lumi import canonical_hash

    inputs = [
        {"file": short_name(name), "canonical_sha256": canonical_hash(mask)}
        for name, mask in zip(names, masks, strict=True)
    ]
    return {"operation": word, "inputs": inputs}


both = _combining(
    "and",
    lambda a, b: a & b,
    """What is in all of the masks.

    Example: oms mask and golden.json dcs.json --output both.json
    """,
)
either = _combining(
    "or",
    lambda a, b: a | b,
    """What is in any of the masks.

    Example: oms mask or 2017.json 2018.json
    """,
)
first_only = _combining(
    "sub",
    lambda a, b: a - b,
    """What is in the first mask and in none of the others.

    Example: oms mask sub dcs.json golden.json
    """,
)
one_only = _combining(
    "xor",
    lambda a, b: a ^ b,
    """What is in one of two masks and not in the other.

    Example: oms mask xor mine.json golden.json
    """,
)
