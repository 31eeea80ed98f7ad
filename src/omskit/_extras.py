"""Optional packages: imported where they are used, named where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from omskit.errors import MissingExtraError

EXTRA_OF = {
    "anywidget": "notebook",
    "awkward": "root",  # through uproot
    "cryptography": "cern",  # through tsgauth
    "dask": "dask",
    "deltalake": "store",
    "distributed": "dask",
    "matplotlib": "plot",
    "mplhep": "plot",
    "pandas": "pandas",
    "polars": "polars",
    "scipy": "trigger",
    "socksio": "cern",
    "starlette": "server",
    "traitlets": "notebook",  # through anywidget
    "tsgauth": "cern",
    "uproot": "root",
    "xarray": "xarray",
    "uvicorn": "server",
}


def load(module: str, purpose: str) -> Any:
    """The optional module, or an error that says what to install.

    Args:
        module: Dotted name, e.g. ``"matplotlib.pyplot"``.
        purpose: What the caller was about to do, for the message.

    Raises:
        MissingExtraError: The package is not installed.

    Example:
        >>> load("math", "add numbers").pi > 3
        True
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        extra = EXTRA_OF.get(package, package)
        message = (
            f"To {purpose}, omskit needs {package}, which is not installed. "
            f"Try: pip install 'omskit[{extra}]'"
        )
        raise MissingExtraError(message) from error
