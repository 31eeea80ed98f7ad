"""A context over the small service, for flows without a client."""

from tests.support.smallservice import BASE

from omskit.flow import Context, HttpSource, Settings
from omskit.schema import bundled


def context_of(**changes):
    """Pages of five rows, no retries and no audit, but for *changes*."""
    raw = changes.pop("raw", False)
    settings = Settings(
        **{
            "page_size": 5,
            "retries": 0,
            "audit": False,
            "units": "raw" if raw else "canonical",
            **changes,
        }
    )
    return Context(bundled(), HttpSource(BASE, settings.policy), settings)
