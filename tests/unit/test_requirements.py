"""The rules of docs/requirements.md and the tests that name them."""

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "requirements.py"


def test_each_bold_rule_in_force_is_named_by_a_test() -> None:
    """T-4: what `make requirements` says, and it ends with the number of rules without a test."""
    found = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.rstrip().splitlines()[-1].startswith("without a test: ")
