"""The model that lmms-eval sees: it hands over all its requests at once and gets a text for each.

The class is imported by lmms-eval alone; what it does is in asking.py, which needs no lmms-eval.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from lmms_eval.api.model import lmms

from harness.errors import HarnessError, UsageError
from harness.lmms import MODEL
from harness.lmms.arguments import Arguments, read
from harness.lmms.asking import answer


class GroundedHarness(lmms):  # type: ignore[misc]
    """Our rollouts, evidence and vote under lmms-eval: `--model_args` takes the options of `harness run`."""

    is_simple = False

    def __init__(self, batch_size: object = None, max_batch_size: object = None, device: object = None, **given: Any):
        """Read the arguments; the engine batches and places by itself, so what lmms-eval says of that has no use."""
        super().__init__()
        try:
            if int(os.environ.get("WORLD_SIZE", "1")) > 1:
                raise UsageError("start one process, without accelerate or torchrun; tensor_parallel=2 uses two GPUs")
            self.given: Arguments = read(given)
        except HarnessError as error:
            raise SystemExit(f"{MODEL}: {error}") from None

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """The final text of the winning rollout for each request, in order; "" where a video failed."""
        from rich.console import Console

        try:
            return answer(self.given, requests, self.task_dict, Console(stderr=True))
        except HarnessError as error:
            raise SystemExit(f"{MODEL}: {error}") from None

    def generate_until_multi_round(self, requests: Sequence[Any]) -> list[str]:
        """Not to be had."""
        raise SystemExit(f"{MODEL}: it answers a question at once, not in rounds; leave tasks in rounds out")

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Not to be had."""
        raise SystemExit(f"{MODEL}: it gives no likelihoods of given texts; leave tasks that need them out")
