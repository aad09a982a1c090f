"""Muon in float32: torch's own computes in bfloat16, which is twenty times slower on a CPU without it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from torch import Tensor

STEPS = ((3.4445, -4.7750, 2.0315),) * 5
"""Coefficients of the Newton-Schulz iteration (Keller Jordan, 2024)."""


class Muon(torch.optim.Optimizer):
    """Momentum made orthogonal, for matrices; updates have the size of AdamW's, so one rate serves both."""

    def __init__(
        self, groups: Iterable[dict[str, Any]], lr: float, momentum: float = 0.95, weight_decay: float = 0.01
    ) -> None:
        """Groups of matrices, as for any optimizer of torch."""
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix; those of one shape together."""
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    alike[tuple(parameter.shape)].append(parameter)
            for shape, parameters in alike.items():
                update = orthogonal(torch.stack([self._momentum(p, group["momentum"]) for p in parameters]))
                update *= 0.2 * max(shape) ** 0.5
                for parameter, change in zip(parameters, update, strict=True):
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(change, alpha=group["lr"])

    def _momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        state = self.state[parameter]
        average = state.setdefault("average", torch.zeros_like(parameter))
        assert parameter.grad is not None
        average.lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(average, momentum)


def orthogonal(matrices: Tensor) -> Tensor:
    """Each of (N, rows, columns) with its singular values brought near 1."""
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for a, b, c in STEPS:
        square = x @ x.mT
        x = a * x + (b * square + c * (square @ square)) @ x
    found: Tensor = x.mT if tall else x
    return found
