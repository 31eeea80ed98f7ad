"""Constraints that pin every direct dependency to the oldest version it may have.

Usage: ``python .ci/minimums.py pyproject.toml > constraints.txt``
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_MINIMUM = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?\s*>=\s*([0-9][0-9.]*)")


def minimums(document: dict) -> list[str]:
    """``name==version`` for each requirement of the package and its extras."""
    project = document["project"]
    wanted = list(project["dependencies"])
    for requirements in project["optional-dependencies"].values():
        wanted.extend(requirements)
    found = (_MINIMUM.match(requirement) for requirement in wanted)
    return sorted({f"{m[1]}=={m[2]}" for m in found if m})


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    sys.stdout.write("\n".join(minimums(tomllib.loads(text))) + "\n")
