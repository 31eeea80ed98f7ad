"""What brilcalc prints, read into tables that say what they are."""

from omskit.lumi.brilcalc.rows import read_brilcalc, read_brilcalc_table

__all__ = ["read_brilcalc", "read_brilcalc_table"]
