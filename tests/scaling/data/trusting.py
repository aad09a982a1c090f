"""A voter that weighs rollouts by the signal "relevance" on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness import plugins
from harness.records import Grade, Record, Request


@dataclass(frozen=True)
class Recorded:
    name: str = "relevance"

    def ask(self, record: Record, rollout: int) -> Sequence[Request]:
        return ()

    def value(self, record: Record, rollout: int, grades: Sequence[Grade]) -> float:
        raise AssertionError("it is on record")


voter = type(plugins.load("harness.scaling", "majority"))(Recorded())
