"""Drop-in modules for old scripts: their import path changes and nothing else."""
