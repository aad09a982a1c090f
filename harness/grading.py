"""Signals of rollouts: the model is asked about their evidence, one token an answer, and each rollout gets a number.

A crop that cannot be had, and an answer that is none of the choices, is a grade with an error. A request that fails is
an EngineError and fails the sample.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace

from harness.contracts import Signal
from harness.errors import EngineError, VideoError
from harness.records import Grade, Record, Request, Response, tidy

Generate = Callable[[Request], Awaitable[Sequence[Response]]]


async def weigh(record: Record, signals: Sequence[Signal], generate: Generate) -> Record:
    """The record with the value of each signal in its predictions, and with the grades that they need.

    What its grades already answer is not asked again, and what several rollouts ask is asked once.
    """
    known = {grade.request for grade in record.grades}
    rollouts = range(len(record.predictions))
    asked = {request.key: request for s in signals for k in rollouts for request in s.ask(record, k)}
    new = [_grade(request, generate) for key, request in asked.items() if key not in known]
    # All are awaited, so that none is left behind when one fails.
    grades = await asyncio.gather(*new, return_exceptions=True)
    for grade in grades:
        if isinstance(grade, BaseException):
            raise grade
    found = (grade for grade in grades if isinstance(grade, Grade))
    return attach(replace(record, grades=(*record.grades, *found)), signals)


def attach(record: Record, signals: Iterable[Signal]) -> Record:
    """The record with the values of the signals whose grades it has; no model is asked."""
    known = {grade.request: grade for grade in record.grades}
    predictions = list(record.predictions)
    for signal in signals:
        for k, prediction in enumerate(predictions):
            keys = [request.key for request in signal.ask(record, k)]
            if all(key in known for key in keys):
                value = signal.value(record, k, [known[key] for key in keys])
                predictions[k] = replace(prediction, signals={**prediction.signals, signal.name: value})
    return replace(record, predictions=tuple(predictions))


def has(record: Record, signals: Iterable[Signal]) -> bool:
    """Whether every rollout of the record has the values of the signals."""
    names = {signal.name for signal in signals}
    return all(names <= prediction.signals.keys() for prediction in record.predictions)


async def _grade(request: Request, generate: Generate) -> Grade:
    asked = Grade(request=request.key)
    try:
        responses = [tidy(response) for response in await generate(request)]
    except VideoError as error:
        return replace(asked, error=f"VideoError: {error}")
    if len(responses) != 1 or responses[0].error is not None:
        raise EngineError(responses[0].error or "several answers to one question" if responses else "no answer")
    said, asked = responses[0].text.strip(), replace(asked, prompt_tokens=responses[0].prompt_tokens)
    if said not in request.choices:
        return replace(asked, error=f"the answer {said[:40]!r} is none of {', '.join(request.choices)}")
    return replace(asked, choice=said, logprobs=responses[0].choice_logprobs)
