"""Ours against lmms-eval's own vLLM model, on its own videomme, the same model, frames and lengths of answers.

    make .venv-lmms/ready && .venv-lmms/bin/python benchmarks/lmms.py
    .venv-lmms/bin/python benchmarks/lmms.py -n 1 --videos 16

The clock of lmms-eval runs in its `generate_until` alone; ours runs from the first question to scores.json. Beside them
stands what bounds both: a script that decodes each video once, asks for n rollouts in one request, all at once,
and neither reads nor scores nor writes anything.
"""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cost
from ours import Ours

from harness import session
from harness.decoders.pyav import decode
from harness.engines import _chat
from harness.frames import Frames
from harness.pictures import fit
from harness.prompt import frames as frames_in
from harness.run import decoded, sample_seed
from harness.video import probe


def annotate(data: Path) -> None:
    """The annotation where lmms-eval looks for it, with categories that it knows."""
    import pandas

    (source,) = data.glob("videomme/videomme/*.parquet")
    known = {"domain": "Knowledge", "sub_category": "Technology", "task_type": "Object Recognition"}
    target = data / "lmms-eval" / "Video-MME" / "videomme" / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    pandas.read_parquet(source).assign(**known).to_parquet(target, index=False)


def choose_reader() -> None:
    """What lmms-eval decodes with: torchcodec, or decord where that cannot be loaded."""
    try:
        import torchcodec  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        os.environ.setdefault("FORCE_QWENVL_VIDEO_READER", "decord")


def arguments(asked: Namespace, data: Path) -> dict[str, Any]:
    """What the engine is started with, the same for all."""
    setup = session.look_up(ours_of(asked, data).told)
    engine: Any = setup.engine(session.engine_settings(setup), Frames())
    return dict(engine._arguments())


def ours_of(asked: Namespace, data: Path) -> Ours:
    """The harness with lmms-eval's task."""
    return Ours(Namespace(**{**vars(asked), "task": "lmms:videomme"}), data)


class LmmsEval:
    """The contender."""

    def __init__(self, asked: Namespace, data: Path) -> None:
        """Read its data where it is, and nothing from elsewhere."""
        self.asked, self.data = asked, data
        self.work = cost.Work()

    async def start(self) -> None:
        """Load the model and answer the first question."""
        choose_reader()
        from lmms_eval import protocol
        from lmms_eval.models.chat.vllm import VLLM

        given = arguments(self.asked, self.data)
        for name in ("tensor_parallel_size", "trust_remote_code"):
            del given[name]
        questions = 3 * self.asked.videos * self.asked.n
        self.model = VLLM(
            **given, batch_size=self.asked.batch or questions, max_pixels=self.asked.max_pixels,
            nframes=int(self.asked.frames.partition(":")[2]), max_new_tokens=self.asked.max_tokens,
        )  # fmt: skip
        protocol.fetch_video = self._counted(protocol.fetch_video)
        self.model.client.chat = self._heard(self.model.client.chat)
        self.model.generate_until = self._clocked(self.model.generate_until)
        self._evaluate(limit=1)

    async def forget(self) -> None:
        """Empty the caches of the engine."""
        self.model.client.reset_mm_cache()
        self.model.client.reset_prefix_cache()

    async def close(self) -> None:
        """The engine ends with the process."""

    async def answer(self, folder: Path) -> cost.Work:
        """All questions as often as there are rollouts."""
        self.work = cost.Work()
        self._evaluate()
        return self.work

    def _evaluate(self, limit: int | None = None) -> None:
        from lmms_eval import evaluator

        drawn = "temperature=1.0,do_sample=True,top_p=1.0" if self.asked.n > 1 else "temperature=0"
        evaluator.simple_evaluate(
            model=self.model, tasks=["videomme"], limit=limit, repeats=self.asked.n, gen_kwargs=drawn,
            bootstrap_iters=0, cli_args=SimpleNamespace(reasoning_tags=None, process_with_media=False),
        )  # fmt: skip

    def _clocked(self, generate: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(requests: Any) -> Any:
            began = cost.now()
            found = generate(requests)
            self.work.seconds += cost.now() - began
            return found

        return clocked

    def _counted(self, fetch: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **more: Any) -> Any:
            self.work.decoded += 1
            return fetch(*args, **more)

        return counted

    def _heard(self, chat: Callable[..., Any]) -> Callable[..., Any]:
        def heard(*args: Any, **more: Any) -> Any:
            outputs = chat(*args, **more)
            for output in outputs:
                count(self.work, output)
            return outputs

        return heard


class Once:
    """What bounds both."""

    def __init__(self, asked: Namespace, data: Path) -> None:
        """Look up what is asked."""
        self.asked, self.data = asked, data
        self.setup = ours_of(asked, data).setup

    async def start(self) -> None:
        """Load the model and answer the first question."""
        from vllm import LLM

        self.tokenizer = _chat.load_tokenizer(session.engine_settings(self.setup))
        self.llm = LLM(**arguments(self.asked, self.data))
        await self.answer(self.data, first=True)

    async def forget(self) -> None:
        """Empty the caches of the engine."""
        self.llm.reset_mm_cache()
        self.llm.reset_prefix_cache()

    async def close(self) -> None:
        """The engine ends with the process."""

    async def answer(self, folder: Path, first: bool = False) -> cost.Work:
        """Decode all, then ask all."""
        work, (plan,) = cost.Work(), self.setup.plans
        samples = [*plan.by_video()][: 1 if first else None]
        pictures: dict[str, Any] = {}
        prompts, samplings = [], []
        for sample in samples:
            request, images = await self._request(sample, pictures)
            multi_modal = {"multi_modal_data": {"image": images}, "mm_processor_kwargs": {"do_resize": False}}
            prompts.append({"prompt": _chat.text(self.tokenizer, request), **multi_modal})
            samplings.append(self._sampling(request))
        for output in self.llm.generate(prompts, samplings, use_tqdm=False):
            count(work, output)
        work.decoded = len(pictures)
        return work

    async def _request(self, sample: Any, pictures: dict[str, Any]) -> tuple[Any, list[Any]]:
        (plan,), setup = self.setup.plans, self.setup
        if sample.video not in pictures:
            frames = Frames()
            view = await frames.view(sample, plan.frames, setup.family, plan.max_pixels, plan.show)
            frames.close()
            found = decode(sample.video, view.times, probe(sample.video))
            shown = [view.frame(time) for time in view.times]
            pictures[sample.video] = view, [fit(each, frame) for each, frame in zip(found, shown, strict=True)]
        view, images = pictures[sample.video]
        seed = sample_seed(setup.asked.seed, plan.task.name, sample.id)
        request = decoded(plan.task.request(sample, view), setup.decoding, seed)
        assert len(frames_in(request)) == len(images)
        return request, images

    @staticmethod
    def _sampling(request: Any) -> Any:
        from vllm import SamplingParams

        drawn = {"seed": request.seed} if request.temperature else {}
        return SamplingParams(n=request.n, temperature=request.temperature, max_tokens=request.max_tokens, **drawn)


def count(work: cost.Work, output: Any) -> None:
    """Count what vLLM gave for a request."""
    work.calls += 1
    work.tokens += sum(len(one.token_ids) for one in output.outputs)
    work.prompt_tokens += len(output.prompt_token_ids) * len(output.outputs)


def main() -> None:
    """Print the table."""
    parser = cost.flags(__doc__, voter="majority", max_tokens=16, frames="uniform:16", max_pixels=50176)
    parser.add_argument("--batch", type=int, default=0, help="requests that lmms-eval asks at once; 0 is all")
    asked = parser.parse_args()
    if asked.contender:
        where = {"HF_HOME": str(asked.data), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
        os.environ.update(where)
        os.chdir(asked.data)
    contenders = {"harness": ours_of, "decode once": Once, "lmms-eval": LmmsEval}
    cost.contest(parser, contenders, "videomme of lmms-eval", annotate)


if __name__ == "__main__":
    main()
