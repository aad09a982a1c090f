"""What passes between the parts: plain, frozen data that goes to JSON and back.

Sample -> View -> Request -> Response -> Prediction -> Score, and the Record of all that.
Boxes are in source-video pixels and times in seconds of the file in every one of them.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.codec import encode
from harness.geometry import Box, Span

NEVER = -1e4
"""The log-probability written for a token that cannot come, as JSON has no infinity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One claim: this thing, here, then."""

    label: str
    time: float | None
    box: Box | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question about a video, with its reference."""

    id: str
    """Stable and unique within the task."""
    item: str
    """The annotation row it comes from; one V-STaR row gives five samples."""
    kind: str
    """What is asked, in the task's own words: "what", "when", "mcq" ..."""
    video: str
    """Absolute path of the video file."""
    part: Span | None = None
    """The part of the file that is asked about, where that is not all of it: nothing else is shown."""
    question: str
    options: tuple[str, ...] = ()
    """The texts of the options, without their letters."""
    answer: str | None = None
    """The reference answer; a letter for multiple choice."""
    span: Span | None = None
    """The reference span; given to the model where the task says so."""
    boxes: Mapping[float, Box] = field(default_factory=dict)
    """The reference box at each second."""
    evidence: tuple[Evidence, ...] = ()
    """What a grounded answer would cite; where the annotation says."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """What results are broken down by: {"domain": "Sports", "length": "short"}."""
    context: str | None = None
    """Further text that the model is shown, such as subtitles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What is not as in the video at one time of a view, where a probe has changed it."""

    time: float
    picture: float | None = None
    """The time whose picture is shown in its place."""
    masks: tuple[Box, ...] = ()
    """What is painted over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a model is shown of a video: which frames, at which size, in which form."""

    video: str
    times: tuple[float, ...]
    """Exact presentation times of the frames in the file, ascending, in seconds."""
    duration: float
    """Length of what is shown in seconds: of the video, or of the part of it that is asked about."""
    start: float = 0.0
    """Where in the file that part begins: the model is told times from there on."""
    width: int
    """Width of the source video in pixels, turned as it is displayed but not stretched (harness/video.py)."""
    height: int
    size: tuple[int, int]
    """(width, height) in pixels at which frames reach the model."""
    family: str
    """The model family, which fixes the coordinate convention (harness/families.py)."""
    show: str = "images"
    """How the frames are shown: a key of harness.prompt.SHOWS."""
    note: str | None = None
    """What is wrong with the video, where it was used all the same."""
    edits: tuple[Edit, ...] = ()
    """What is not as in the video, each time at most once."""

    def frame(self, time: float, crop: Box | None = None) -> Frame:
        """What is seen at one of its times."""
        for edit in self.edits:
            if edit.time == time:
                return Edited(
                    video=self.video, time=time, size=self.size, crop=crop, picture=edit.picture, masks=edit.masks
                )
        return Frame(video=self.video, time=time, size=self.size, crop=crop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A reference to pixels: the frame on screen at a time, or a crop of it."""

    video: str
    time: float
    size: tuple[int, int]
    """(width, height) in pixels after resizing."""
    crop: Box | None = None

    @property
    def source(self) -> float:
        """The time in the video whose picture is shown."""
        return self.time


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(Frame):
    """A frame that is not as in the video. A class of its own, so that `Request.key` of others stays what it is."""

    picture: float | None = None
    masks: tuple[Box, ...] = ()

    @property
    def source(self) -> float:
        """The time in the video whose picture is shown."""
        return self.time if self.picture is None else self.picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """Frames that are shown as one video."""

    frames: tuple[Frame, ...]
    """One or more, ascending in time, of one size."""
    start: float = 0.0
    """The time in the file from which the model counts."""
    pace: float | None = None
    """Frames a second that the model is told in place of their own times."""

    @property
    def times(self) -> tuple[float, ...]:
        """When each frame is on screen, as the model is told, in seconds."""
        if self.pace is None:
            return tuple(max(0.0, frame.time - self.start) for frame in self.frames)
        return tuple(number / self.pace for number in range(len(self.frames)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an engine is asked: the words, which pixels, and how to decode."""

    parts: tuple[str | Frame | Clip, ...]
    """The user's turn: text, images and videos in order."""
    system: str | None = None
    n: int = 1
    """Number of rollouts."""
    first: int = 0
    """Index of the first rollout; rollout k draws with seed + k whatever n is."""
    temperature: float = 0.0
    top_p: float = 1.0
    repetition_penalty: float = 1.0
    max_tokens: int = 1024
    seed: int = 0
    choices: tuple[str, ...] = ()
    """When given, the response is one of these single tokens, with the log-probability of each."""

    @property
    def key(self) -> str:
        """SHA-256 of the content."""
        text = json.dumps(encode(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One rollout, unread."""

    rollout: int
    text: str
    finish: str
    """"stop", "length" (cut at max_tokens) or "error"."""
    tokens: int = 0
    """Generated tokens."""
    prompt_tokens: int = 0
    logprob: float | None = None
    """Sum of the log-probabilities of the generated tokens; None where the engine has none."""
    choice_logprobs: Mapping[str, float] | None = None
    """For a request with choices: the log-probability of each, before temperature."""
    error: str | None = None


def tidy(response: Response) -> Response:
    """A response without NaN or infinite log-probabilities."""
    logprob, choices = response.logprob, response.choice_logprobs
    if logprob is not None and not math.isfinite(logprob):
        logprob = None
    if choices is not None:
        choices = {token: value if math.isfinite(value) else NEVER for token, value in choices.items()}
    return replace(response, logprob=logprob, choice_logprobs=choices)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What we take the model to mean; read from one rollout or voted from several."""

    answer: str | None = None
    """None is an abstention: counted as wrong and reported apart."""
    span: Span | None = None
    boxes: Mapping[float, Box] = field(default_factory=dict)
    """Second -> box."""
    evidence: tuple[Evidence, ...] = ()
    signals: Mapping[str, float] = field(default_factory=dict)
    """What speaks for it, by the name of the signal: {"relevance": 1.5}."""
    rollout: int | None = None
    """The rollout it was read from, or that won the vote."""
    tally: Mapping[str, float] | None = None
    """What each candidate answer weighed in the vote."""
    problems: tuple[str, ...] = ()
    """What was wrong with the text: "no answer tag", "2 boxes dropped" ..."""
    outcome: str | None = None
    """What a scorer from elsewhere made of the text, as JSON, where the answer alone does not settle the score."""

    @property
    def abstained(self) -> bool:
        """Whether nothing could be read."""
        return self.answer is None and self.span is None and not self.boxes


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The metrics of one sample: fractions in 0..1, None where not scored."""

    values: Mapping[str, float | None]
    reason: str | None = None
    """Why a value is None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """What the model answered when it was asked about evidence, one token of a few."""

    request: str
    """Request.key of what was asked."""
    choice: str | None = None
    """None when there is no answer."""
    logprobs: Mapping[str, float] | None = None
    """Choice -> log-probability; None where the engine has none."""
    error: str | None = None
    """Why there is no answer."""
    prompt_tokens: int = 0
    """What asking cost, beside the one token of the answer; no part of what the rollouts cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """All that happened to one sample: a line of records.jsonl."""

    task: str
    version: int
    """The task's version: it rises when prompt, reading or scoring change."""
    sample: Sample
    view: View | None = None
    request: str | None = None
    """Request.key; None when the request could not be made."""
    responses: tuple[Response, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    grades: tuple[Grade, ...] = ()
    """What was asked about their evidence."""
    vote: Prediction | None = None
    """What was scored."""
    score: Score | None = None
    error: str | None = None
    """Why there are no responses: the sample was not evaluated."""
    seconds: float = 0.0
    """From the question to its last rollout; what is asked about evidence after that is not in it."""
