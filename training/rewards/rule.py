"""Which reward is given: the paper's or the released program's, and what is left out of it for an ablation."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from harness.errors import UsageError

PRESETS = ("paper", "released")
LOOSE, STRICT = 4.0, 1.0
"""The first and the last σ in seconds (arXiv 2510.20579, A.1)."""


@dataclass(frozen=True)
class Rule:
    """A reward. The ablations are of the paper's; the released program's is what it is."""

    preset: str = "paper"
    adaptive: bool = True
    """Whether σ shrinks while training goes on. Without ("w/o Ada" of Table 5) it stays at its first value, 4: Table 8
    gives a σ fixed at 4 the same scores, and no others."""
    gate: float | None = 3.0
    """Seconds from the nearest key frame within which boxes count; None lets all count ("w/o Gat")."""
    sigma: float | None = None
    """A σ in seconds for all of the training (Table 8 has 1 and 4); outranks `adaptive`."""
    evidence: bool = True
    """Whether evidence is rewarded; without, only the answer and the two tags are (the "non-o3" variant, Table 9)."""

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.preset not in PRESETS:
            raise UsageError(f"the preset of a reward cannot be {self.preset!r}; choose one of: {', '.join(PRESETS)}")
        if self.gate is not None and not (self.gate >= 0 and math.isfinite(self.gate)):
            raise UsageError(f"the gate cannot be {self.gate}; give seconds from 0 on, or none for no gate")
        if self.sigma is not None and not (self.sigma > 0 and math.isfinite(self.sigma)):
            raise UsageError(f"sigma cannot be {self.sigma}; give seconds above 0")
        if self.preset == "released" and replace(self, preset="paper") != Rule():
            raise UsageError(
                "the released reward is given as the program gives it; adaptive, gate, sigma and evidence "
                "can be set for the preset paper"
            )

    def sigma_at(self, progress: float) -> float:
        """σ in seconds at a progress of 0..1 through training: 4(1 - progress) down to 1, as the program does it.

        >>> [Rule().sigma_at(p) for p in (0, 0.25, 0.5, 0.75, 1)]
        [4.0, 3.0, 2.0, 1.0, 1.0]
        >>> Rule(adaptive=False).sigma_at(1), Rule(sigma=1).sigma_at(0)
        (4.0, 1)
        """
        if not 0 <= progress <= 1:
            raise UsageError(f"the progress of training cannot be {progress}; it goes from 0 to 1")
        if self.sigma is not None:
            return self.sigma
        return max(STRICT, LOOSE * (1 - progress)) if self.adaptive else LOOSE
