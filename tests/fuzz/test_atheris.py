"""The URL parser and the page decoder under random input, by atheris, briefly.

``make fuzz`` takes longer: OMSKIT_FUZZ_RUNS says how many inputs.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.amount import examples

RUNS = os.environ.get("OMSKIT_FUZZ_RUNS", str(examples(3000)))
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed; see the group 'fuzz'",
)


@pytest.mark.parametrize("name", ["fuzz_url.py", "fuzz_page.py"])
def test_nothing_but_our_errors(name, tmp_path):
    """Random input is understood or refused with an error of omskit, and no other."""
    done = subprocess.run(
        [sys.executable, HERE / name, f"-runs={RUNS}", "-seed=1", "-timeout=10"],
        cwd=tmp_path,  # where it would leave an input that breaks something
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    # Executions, seconds and coverage, which `make fuzz` shows.
    figures = re.findall(r"(?im)^(?:#\d+\s+)?done\b.*", done.stderr)
    sys.stdout.write("\n".join((name, *figures, "")))
