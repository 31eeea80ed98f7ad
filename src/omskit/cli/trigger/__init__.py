"""``oms trigger``: rates, prescales, luminosity, fits and alerts of triggers."""
