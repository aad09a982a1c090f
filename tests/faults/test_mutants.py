"""Damaged videos, as a run reads them: mutants.py in small."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MUTANTS = Path(__file__).with_name("mutants.py")


def test_damaged_videos_are_frames_or_one_error() -> None:
    words = [sys.executable, str(MUTANTS), "--count", "63", "--seed", "5"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    assert [row[0] for row in rows][-2:] == ["wrong extension", "all"]
    tried, decoded, refused, lost, faults, survived = map(int, rows[-1][1:7])
    assert tried == survived == 63 == decoded + refused + lost and not faults
    assert decoded >= 7 and refused >= 7
