"""Simulated data taking: an OMS without network, file or account.

Recorded and reproduced to the last digit, typed in as facts with their source in
``data/*.toml``: the 43 attributes of run 297050, all attributes of its lumisection 1
and of that lumisection's L1 rates, its 278 HLT path names; l1_rate and l1_menu of runs
297050-297056; the fills of runs 297046-297057 and 315190-315290; run, number and fill
of the first 1000 of the 4655 lumisections of 315190-315290; cms_active and the DCS-only
lumisections of run 306458; sizes, prescale columns and luminosity sums of run 386694.

Everything else is simulated: plausible, the same on every machine, and no measurement.
``docs/demo.md`` says how.
"""

from __future__ import annotations

from omskit.demo.service import NOTICE, tables

__all__ = ["NOTICE", "tables"]
