"""What people look at first, where not every column of a table fits."""

from __future__ import annotations

FIRST = {
    "runs": (
        "run_number", "fill_number", "start_time", "duration", "l1_rate",
        "delivered_lumi", "recorded_lumi", "last_lumisection_number", "stable_beam",
        "era", "hlt_physics_rate", "l1_menu", "hlt_key",
    ),
    "lumisections": (
        "run_number", "lumisection_number", "cms_active", "pileup",
        "delivered_lumi_per_lumisection", "beams_stable", "physics_flag", "init_lumi",
        "recorded_lumi_per_lumisection", "start_time", "fill_number", "prescale_name",
    ),
    "fills": (
        "fill_number", "start_time", "duration", "first_run_number", "last_run_number",
        "stable_beams", "delivered_lumi", "recorded_lumi", "peak_lumi", "peak_pileup",
        "bunches_colliding", "injection_scheme",
    ),
    "hltpathrates": (
        "run_number", "path_name", "first_lumisection_number", "rate", "counter",
    ),
    "hltpathinfo": ("run_number", "path_name", "rate", "accepted", "ps_pass"),
    "l1triggerrates": (
        "run_number", "first_lumisection_number", "l1a_total_rate", "l1a_physics_rate",
        "l1a_random_rate", "trigger_physics_lost_rate",
    ),
    "l1algorithmtriggers": (
        "run_number", "first_lumisection_number", "bit", "name",
        "initial_prescale_prescale", "pre_dt_rate", "post_dt_rate",
    ),
    **dict.fromkeys(
        ("downtimes", "downtimesrun3"),
        (
            "start_time", "duration", "lost_lumi", "subsystem", "category",
            "start_run_number",
        ),
    ),
}  # fmt: skip
"""In this order; a rate comes before what it is kept under."""

ADDITIVE = {
    "runs": (
        "duration", "delivered_lumi", "recorded_lumi", "l1_triggers_counter",
        "hlt_physics_counter", "hlt_physics_size",
    ),
    "fills": ("duration", "delivered_lumi", "recorded_lumi"),
    "lumisections": (
        "delivered_lumi_per_lumisection", "recorded_lumi_per_lumisection",
    ),
}  # fmt: skip
"""Columns whose values of several rows add up to something."""
