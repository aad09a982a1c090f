"""The requests of lmms-eval, asked as a run of ours: all rollouts are kept in a run folder, where a start goes on.

A request is (ctx, doc_to_messages, generation settings, document id, task, split); the documents are in a dictionary by
task and split. What is asked is the text of the task as it is, after our frames. The generation settings of the task
are not used, but for the length of an answer with prompt=direct.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from harness import parse, plugins
from harness.errors import EngineError, UsageError
from harness.geometry import Span
from harness.lmms.arguments import Arguments
from harness.model import Named
from harness.plan import Plan, configured, fingerprint
from harness.records import Record, Sample
from harness.session import answer as ask
from harness.session import finish, look_up
from harness.settings import Asked, first
from harness.store import Store, read_records

if TYPE_CHECKING:
    from rich.console import Console

Documents = Mapping[str, Mapping[str, Any]]
"""Task -> split -> documents by number."""


@dataclass(frozen=True, slots=True)
class Question:
    """A request of lmms-eval."""

    text: str
    """As lmms-eval gives it to models that are not chat models."""
    task: str
    number: int
    """Of the document."""
    settings: Mapping[str, Any]
    to_messages: Any
    document: Any


def answer(given: Arguments, requests: Sequence[Any], documents: Documents, console: Console) -> list[str]:
    """The final text of the winning rollout for each request, in order; "" where there is none, which is told."""
    if not requests:
        return []
    asked_for = [_question(request, documents) for request in requests]
    known = {(q.task, q.number): q for q in asked_for}
    tasks = list(dict.fromkeys(task for task, _ in known))
    asked = given.asked(tasks)
    if len(known) < len(asked_for):
        console.print("repeats get the same vote: the argument n says how many rollouts are drawn", highlight=False)
    setup = look_up(asked, lambda asked, model: [_plan(asked, model, t, [*known.values()]) for t in tasks])
    videos = len({sample.video for plan in setup.plans for sample in plan.samples})
    told = f"{len(known)} questions on {videos} videos, {asked.n} rollouts each, kept in {asked.out}"
    console.print(told, highlight=False, markup=False, soft_wrap=True)
    with Store(asked.out) as store:
        store.join(setup.run, retry_errors=asked.retry_errors)
        ask(setup, store, console)
        if finish(asked.out, setup.run, console):
            raise EngineError(f"no question could be answered; the reasons are in {asked.out / 'report.md'}")
    texts = {(record.task, record.sample.id): winner(record) for record in read_records(asked.out)}
    found = [texts[f"lmms-log:{q.task}", str(q.number)] for q in asked_for]
    if missing := found.count(None):
        console.print(f"{missing} of {len(found)} questions got no answer: lmms-eval scores an empty text for them")
    return [text or "" for text in found]


def winner(record: Record) -> str | None:
    """What the rollout that won the vote says in the end, or the first where all abstain; None without a vote."""
    if record.vote is None:
        return None
    chosen = record.vote.rollout or 0
    return next((parse.final(r.text) for r in record.responses if r.rollout == chosen), None)


def _question(request: Any, documents: Documents) -> Question:
    text, to_messages, settings, number, task, split = request.args
    return Question(text, task, number, settings, to_messages, documents[task][split][number])


def _plan(asked: Asked, model: Named | None, name: str, questions: Sequence[Question]) -> Plan:
    mine = [question for question in questions if question.task == name]
    plugin = f"lmms-log:{name}"
    task: Any = configured(asked, plugins.load("harness.tasks", plugin))
    samples = tuple(_sample(task, question) for question in mine)
    # By what is asked, not by where it lies: a video that was missing may be there at the next start.
    placeless = [replace(sample, video="video", part=None) for sample in samples]
    length = None if task.thinks else mine[0].settings.get("max_new_tokens")
    return Plan(
        plugin=plugin,
        task=task,
        root=Path(),
        samples=samples,
        items=len(samples),
        all_items=len(samples),
        fingerprint=fingerprint(placeless, Path()),
        frames=first(asked.frames, model.frames if model else None, task.frames),
        max_pixels=first(asked.max_pixels, model.max_pixels if model else None, task.max_pixels),
        decoding=asked.decoding(first(length, model.max_tokens if model else None, 1024)),
        show=asked.show,
    )


def _sample(task: Any, question: Question) -> Sample:
    document, target = question.document, None
    with suppress(LookupError, TypeError, ValueError, AttributeError):
        target = question.to_messages.__self__.doc_to_target(document)
    asks = document.get("question") if isinstance(document, Mapping) else None
    try:
        text, seen = _parts(question.to_messages(document))
    except SystemExit as stopped:
        # Many tasks end the program where a video is missing; here it is one question without an answer.
        text, seen = question.text, [{"type": "video", "url": f"({stopped})"}]
    if len(seen) != 1 or seen[0]["type"] != "video":
        _refuse(question, ", ".join(part["type"] for part in seen[:4]) or "nothing to see")
    path, part = _video(question, seen[0]["url"])
    found: Sample = task.document(question.number, text, asks=asks, target=target, video=path, part=part)
    return found


def _parts(messages: Sequence[Mapping[str, Any]]) -> tuple[str, list[Mapping[str, Any]]]:
    """All text of the messages, and what is to be seen or heard."""
    said, seen = [], []
    for message in messages:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                said.append(part["text"])
            else:
                seen.append(part)
    return "\n".join(said), seen


def _video(question: Question, told: Any) -> tuple[str, Span | None]:
    """The path, and the part of the file that is meant."""
    part = None
    if isinstance(told, Mapping):
        if "video_start" in told and "video_end" in told:
            part = Span(float(told["video_start"]), float(told["video_end"]))
        told = next((told[name] for name in ("url", "path", "video") if isinstance(told.get(name), str)), None)
    if not isinstance(told, str):
        _refuse(question, "a video that is no file")
    return told if told.startswith("(") else str(Path(told).absolute()), part


def _refuse(question: Question, shown: str) -> NoReturn:
    raise UsageError(
        f"the task {question.task} shows {shown} with document {question.number}; questions on one video each "
        "can be asked: no images, no audio, no rounds; leave the task out of --tasks"
    )
