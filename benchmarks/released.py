"""Ours against the way of the released Open-o3-Video program, on the same vLLM, model, videos, seeds and pixels.

    python benchmarks/released.py
    python benchmarks/released.py --videos 12 --seconds 60 --height 720

That program asks for one rollout at a time. For each it opens and decodes the video again and makes one call of the
engine, whose caches are off; then it has the evidence of the rollout graded, one call after another. Here it has our
decoder, which is faster than its own, and it reads a grade off one token, as we do. Both vote by relevance.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cost
from ours import Ours, asked_of, measured

from harness import session
from harness.decoders.pyav import decode
from harness.engines.vllm import Vllm
from harness.frames import Frames
from harness.grading import weigh
from harness.pictures import fit
from harness.records import Frame, Record
from harness.run import decoded, sample_seed
from harness.video import Pixels, VideoInfo

if TYPE_CHECKING:
    from PIL.Image import Image


class Decoded:
    """The frames of a video, decoded at once and kept in the size of the source, so that crops cost no more."""

    def __init__(self, info: VideoInfo, times: Sequence[float]) -> None:
        """Decode them."""
        self.pictures: Mapping[float, Pixels] = dict(zip(times, decode(info.path, times, info), strict=True))

    async def get(self, frames: Sequence[Frame]) -> list[Image]:
        """RGB images of the sizes asked for, in order."""
        return [fit(self.pictures[frame.source], frame) for frame in frames]


class OneByOne(Vllm):
    """The engine as that program sets it up: no cache of anything, no more than five sequences."""

    def _arguments(self) -> dict[str, Any]:
        without = {"enable_prefix_caching": False, "mm_processor_cache_gb": 0, "max_num_seqs": 5}
        return super()._arguments() | without


class Released:
    """The contender."""

    def __init__(self, asked: Namespace, data: Path) -> None:
        """Look up what is asked."""
        told = replace(asked_of(asked, data), in_flight=1)
        self.setup = replace(session.look_up(told), engine=OneByOne)

    async def start(self) -> None:
        """Load the model and answer the first question once."""
        self.frames = Frames(None)
        self.engine: Any = self.setup.engine(session.engine_settings(self.setup), self.frames)
        await self.engine.start()
        await self._rollout(self.setup.plans[0].samples[0], 0)

    async def forget(self) -> None:
        """It has no caches."""

    async def close(self) -> None:
        """End the engine."""
        await self.engine.close()

    async def answer(self, folder: Path) -> cost.Work:
        """Question by question, rollout by rollout."""
        work = cost.Work()
        (plan,) = self.setup.plans
        for sample in plan.samples:
            records = [await self._rollout(sample, k) for k in range(self.setup.decoding.n)]
            vote = self.setup.voter(sample, [record.predictions[0] for record in records])
            plan.task.score(sample, vote)
            work.decoded += len(records)
            for record in records:
                measured(work, record)
        return work

    async def _rollout(self, sample: Any, k: int) -> Record:
        (plan,), setup = self.setup.plans, self.setup
        frames = Frames(None)
        view = await frames.view(sample, plan.frames, setup.family, plan.max_pixels, plan.show)
        self.engine.pixels = Decoded(await frames.info(sample.video), view.times)
        frames.close()
        seed = sample_seed(setup.asked.seed, plan.task.name, sample.id)
        request = replace(decoded(plan.task.request(sample, view), setup.decoding, seed), first=k, n=1)
        responses = tuple(await self.engine.generate(request))
        predictions = tuple(plan.task.read(sample, view, response) for response in responses)
        record = Record(
            task=plan.task.name, version=plan.task.version, sample=sample, view=view, request=request.key,
            responses=responses, predictions=predictions,
        )  # fmt: skip
        return await weigh(record, [setup.voter.signal], self.engine.generate)


def main() -> None:
    """Print the table."""
    parser = cost.flags(__doc__, task="vstar", rounds=2)
    cost.contest(parser, {"harness": Ours, "released way": Released}, "rollouts voted by relevance")


if __name__ == "__main__":
    main()
