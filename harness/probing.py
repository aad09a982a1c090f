"""What a probe is: it changes what a question is shown, so that asking it again tells what its answer rests on."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.records import Evidence, Sample, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """A question of a finished run whose scored answer cites times, as a probe sees it."""

    task: str
    sample: Sample
    view: View
    """What the model was shown."""
    claims: tuple[Evidence, ...]
    """What the answer cites: those claims that have a time within the video, each once; one or more."""
    near: int
    """How many frames belong to a cited time: those nearest to it."""

    @property
    def times(self) -> tuple[float, ...]:
        """The cited times, each once, ascending."""
        return tuple(sorted({claim.time for claim in self.claims if claim.time is not None}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """Changes what a question is shown, so that asking it again tells what its answer rests on."""

    title: str
    """What is done, as a row of a table says it: "evidence removed"."""
    change: Callable[[Grounded, Sequence[Grounded], random.Random], View]
    """What is shown instead; NotProbed, with the reason, where the probe does not apply. The second argument are all
    questions of the task that cite times, the first among them, in the order of their ids."""
    version: int = 1
    """Rises when what is shown changes."""
    drawn: bool = False
    """Whether `change` draws by chance, so that it is asked for several times."""
    against: tuple[str, ...] = ()
    """The probes that it is compared with: the first is its control and always asked too, others where they are."""
