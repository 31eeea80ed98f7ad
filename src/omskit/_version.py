"""The version of omskit, in one place."""

__version__ = "0.1.0"
