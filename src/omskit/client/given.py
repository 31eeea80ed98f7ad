"""Masks where they are used: as they are, or by the path of their file."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from omskit.lumi import LumiMask

_NAME_OF_FILE = re.compile(r"(?=.*[A-Za-z]).*[./\\\\].*", re.DOTALL)


def is_file(given: object) -> TypeGuard[str | os.PathLike[str]]:
    """Whether what stands where runs could is the name of a file.

    Example:
        >>> is_file("Cert_2017.json"), is_file("297050,315190-"), is_file(297050)
        (True, False, False)
    """
    if isinstance(given, str):
        return _NAME_OF_FILE.fullmatch(given) is not None
    return isinstance(given, os.PathLike)


def as_mask(given: Any) -> Any:
    """The mask in a file, where a path is given; anything else as it is.

    Raises:
        MaskError: It cannot be read, or is no mask.
    """
    if not isinstance(given, (str, os.PathLike)):
        return given
    from omskit.lumi.files import read_mask

    mask: LumiMask = read_mask(given)
    return mask
