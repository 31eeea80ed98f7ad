"""A stand-in for the CERN login service: its paths, tokens, and Kerberos pages."""

from omskit.server.sso.registry import Application, Registry, registry_from_file
from omskit.server.sso.service import PREFIX, Sso

__all__ = ["PREFIX", "Application", "Registry", "Sso", "registry_from_file"]
