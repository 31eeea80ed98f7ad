"""The command ``oms``: what the client does, from a terminal."""

from omskit.cli.app import main

__all__ = ["main"]
