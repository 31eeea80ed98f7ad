"""What the tests of the demo share."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from omskit.demo import tables


@pytest.fixture(scope="session")
def demo() -> Any:
    """The tables of the demo."""
    return tables()


@pytest.fixture(scope="session")
def rows() -> Any:
    """A function that picks the rows of a table in which columns have some values."""

    def pick(resource: str, **values: Any) -> pa.Table:
        found = tables()[resource]
        for name, value in values.items():
            found = found.filter(pc.equal(found[name], value))
        return found

    return pick


@pytest.fixture(scope="session")
def recorded() -> Any:
    """A function that reads a recorded answer; skips where there are none."""
    folder = os.environ.get("OMSKIT_RECORDED")
    if not folder:
        pytest.skip("OMSKIT_RECORDED does not name the folder of recorded answers")

    def read(name: str) -> Any:
        return json.loads((Path(folder) / name).read_text(encoding="utf-8"))

    return read
