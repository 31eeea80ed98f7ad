"""Faults on purpose: plans of them, broken connections, damaged bodies."""

from omskit.server.faults.connections import Faulty
from omskit.server.faults.plan import FaultPlan, Rule, plan_from_file

__all__ = ["FaultPlan", "Faulty", "Rule", "plan_from_file"]
