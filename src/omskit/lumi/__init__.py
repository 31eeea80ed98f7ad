"""Sets of lumisections: masks, certification files, and what can be said of them."""

from omskit.lumi.accounting import ledger
from omskit.lumi.agreement import Agreement, compare_luminosity
from omskit.lumi.brilcalc import read_brilcalc, read_brilcalc_table
from omskit.lumi.building import PRESETS, dcs_mask
from omskit.lumi.comparing import Comparison, compare
from omskit.lumi.frameworks import to_coffea, to_cpp, to_crab
from omskit.lumi.identity import Identity, canonical_hash, identify
from omskit.lumi.integral import Luminosity, luminosity
from omskit.lumi.ledger import Ledger
from omskit.lumi.losses import Lost
from omskit.lumi.making import without_first
from omskit.lumi.mask import LumiMask
from omskit.lumi.overlaps import overlaps
from omskit.lumi.pileup import PileupProfile, pileup_json, pileup_profile, read_pileup
from omskit.lumi.provenance import provenance_of
from omskit.lumi.reasons import Group, Verdict, why, why_differ

__all__ = [
    "PRESETS",
    "Agreement",
    "Comparison",
    "Group",
    "Identity",
    "Ledger",
    "Lost",
    "LumiMask",
    "Luminosity",
    "PileupProfile",
    "Verdict",
    "canonical_hash",
    "compare",
    "compare_luminosity",
    "dcs_mask",
    "identify",
    "ledger",
    "luminosity",
    "overlaps",
    "pileup_json",
    "pileup_profile",
    "provenance_of",
    "read_brilcalc",
    "read_brilcalc_table",
    "read_pileup",
    "to_coffea",
    "to_cpp",
    "to_crab",
    "why",
    "why_differ",
    "without_first",
]
