"""Verbs that are killed at random moments: kill.py in small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

KILL = Path(__file__).with_name("kill.py")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "vote", "judge", "probe"])
def test_nothing_is_lost_or_doubled_by_a_kill(verb: str) -> None:
    words = [sys.executable, str(KILL), "--kills", "3", "--verbs", verb, "--delay", "0.1"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    cells = [cell.strip() for cell in done.stdout.splitlines()[3].split("│")[1:-1]]
    assert cells[:5] == [verb, "3", "3", "0", "0"] and cells[6] == "0"
