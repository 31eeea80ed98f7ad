"""Why a service does not answer, link by link."""

from omskit.diagnosis.doctor import diagnose

__all__ = ["diagnose"]
