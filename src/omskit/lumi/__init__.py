"""Sets of lumisections: masks, certification files, and what can be said of them."""

from omskit.lumi.mask import LumiMask

__all__ = ["LumiMask"]
