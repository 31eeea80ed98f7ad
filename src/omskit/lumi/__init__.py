"""Sets of lumisections: masks, certification files, and what can be said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omskit._homes import late

if TYPE_CHECKING:
    from omskit.lumi.accounting import ledger
    from omskit.lumi.agreement import Agreement, compare_luminosity
    from omskit.lumi.brilcalc import read_brilcalc, read_brilcalc_table
    from omskit.lumi.building import PRESETS, dcs_mask
    from omskit.lumi.comparing import Comparison, compare
    from omskit.lumi.frameworks import to_coffea, to_cpp, to_crab
    from omskit.lumi.identity import Identity, canonical_hash, identify
    from omskit.lumi.integral import Luminosity, luminosity
    from omskit.lumi.ledgers import Ledger
    from omskit.lumi.losses import Lost
    from omskit.lumi.making import without_first
    from omskit.lumi.mask import LumiMask
    from omskit.lumi.overlapping import overlaps
    from omskit.lumi.pileup import (
        PileupProfile,
        pileup_json,
        pileup_profile,
        read_pileup,
    )
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

__getattr__ = late(
    __name__,
    {
        "canonical_hash": "omskit.lumi.identity",
        "compare": "omskit.lumi.comparing",
        "compare_luminosity": "omskit.lumi.agreement",
        "dcs_mask": "omskit.lumi.building",
        "identify": "omskit.lumi.identity",
        "ledger": "omskit.lumi.accounting",
        "luminosity": "omskit.lumi.integral",
        "overlaps": "omskit.lumi.overlapping",
        "pileup_json": "omskit.lumi.pileup",
        "pileup_profile": "omskit.lumi.pileup",
        "provenance_of": "omskit.lumi.provenance",
        "read_brilcalc": "omskit.lumi.brilcalc",
        "read_brilcalc_table": "omskit.lumi.brilcalc",
        "read_pileup": "omskit.lumi.pileup",
        "to_coffea": "omskit.lumi.frameworks",
        "to_cpp": "omskit.lumi.frameworks",
        "to_crab": "omskit.lumi.frameworks",
        "why": "omskit.lumi.reasons",
        "why_differ": "omskit.lumi.reasons",
        "without_first": "omskit.lumi.making",
        "Agreement": "omskit.lumi.agreement",
        "Comparison": "omskit.lumi.comparing",
        "Group": "omskit.lumi.reasons",
        "Identity": "omskit.lumi.identity",
        "Ledger": "omskit.lumi.ledgers",
        "Lost": "omskit.lumi.losses",
        "LumiMask": "omskit.lumi.mask",
        "Luminosity": "omskit.lumi.integral",
        "PRESETS": "omskit.lumi.building",
        "PileupProfile": "omskit.lumi.pileup",
        "Verdict": "omskit.lumi.reasons",
    },
)
