"""The recipe of a construction: which models are asked about which sources, and by which rules samples are kept.

Rules and their numbers are those of arXiv 2510.20579, Sec. 3.2, A.3 and A.4; what it leaves open is a field here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import sampling, schema
from harness.codec import decode
from harness.errors import DataError, UsageError

from ..yamlfile import read as read_yaml
from ..yamlfile import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A model that is asked, and the engine that asks it (harness/engines)."""

    engine: str
    model: str | None = None
    """A model folder, a shipped name, or for the openai engine the server's name of it."""
    family: str | None = None
    """Which fixes the sizes of images; None is that of the model, or qwen2_5_vl where that is not known."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """The engine's own: base_url, key_env ..."""
    answers: str | None = None
    """The file of the scripted engine, from the folder of the recipe."""
    dtype: str = "auto"
    tensor_parallel: int = 1
    trust_remote_code: bool = False
    in_flight: int = 16
    """Items under way at once."""
    max_pixels: int | None = None
    """Of an image; None is what the model was trained with, or 128 x 28 x 28."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotator(Speaker):
    """The model that writes question, answer, key frames and reasoning."""

    frames: str = "uniform:16"
    """Which frames it is shown, of the segment or of the whole video, as in harness run --frames."""
    coordinates: str = "0-1000"
    """In which it writes boxes: "0-1000" or "0-1" of the frame, "pixels" of images, "source-pixels" of the video."""
    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 8192
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a source, an object or a sample is dropped."""

    min_seconds: float = 10.0
    """Videos with a segment: the least length (A.3)."""
    max_seconds: float = 180.0
    """The same: the greatest length (A.3)."""
    max_share: float = 0.5
    """The same: how much of the video the segment may be (A.3)."""
    largest_box: float = 0.8
    """How much of the frame a box may cover (A.4)."""
    failed_box: str = "sample"
    """What a box that fails costs: its sample, or its object with the sentences about it. Unstated in the paper, whose
    words "only samples that were answered with yes are kept" speak for the sample."""
    verify_from: float = 0.5
    """The chance of yes from which a crop shows its object: log-probabilities of yes and no where the engine has them,
    else 1 or 0 by what was answered. Unstated; 0.5 is the likelier of the two."""
    judge_from: float = 0.5
    """The same for a sentence about a crop."""
    time_tolerance: float = 0.1
    """Seconds between a time of the reasoning and a key frame that are the same; also what a key frame may lie
    outside of its segment. Unstated; models round to a tenth."""
    box_iou: float = 0.9
    """IoU from which a box of the reasoning is that of a key item. Unstated; leaves room for rounding."""
    mention_all: bool = True
    """Whether the reasoning must mention every object, as it is asked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """A construction; paths are from the folder of the recipe."""

    sources: str
    """The source list: JSON lines (training/construct/sources.py)."""
    videos: str
    """The folder of its videos."""
    annotator: Annotator
    verifier: Speaker
    """Is asked whether a crop shows what it is said to."""
    judge: Speaker | None = None
    """Is asked whether sentences agree with crops; None is the verifier."""
    source: str = "STR_own"
    """Of rows whose source list does not say one."""
    rules: Rules = field(default_factory=Rules)


def read(path: Path) -> Recipe:
    """The recipe of a YAML file, checked as values; UsageError or DataError says what is wrong."""
    return checked(read_yaml(path, "give a YAML file, or shapes"), str(path))


def checked(data: Any, where: str) -> Recipe:
    """The recipe that such data is; a key that is not known is named with the nearest that is."""
    if not isinstance(data, dict):
        raise DataError(f"{where} must hold keys with values, such as sources, videos, annotator, verifier and rules")
    known = json.loads((Path(schema.__file__).parent / "schemas" / "build_recipe.json").read_text(encoding="utf-8"))
    _refuse_unknown(data, known, where)
    schema.validate("build_recipe", data, where)
    recipe = decode(Recipe, data)
    rules = recipe.rules
    if rules.min_seconds > rules.max_seconds:
        raise UsageError(
            f"{where}: rules.min_seconds is {rules.min_seconds:g} and rules.max_seconds {rules.max_seconds:g}; "
            "no video is that long"
        )
    if isinstance(sampling.recipe(recipe.annotator.frames), sampling.KeyFrames):
        raise UsageError(f"{where}: annotator.frames cannot choose by a question, as there is none yet; try uniform:16")
    return recipe


def _refuse_unknown(data: Mapping[str, Any], known: Mapping[str, Any], where: str) -> None:
    properties = known["properties"]
    for key, value in data.items():
        if key not in properties:
            raise UsageError(f"{where}: {unknown(key, properties)}")
        if isinstance(value, dict) and "properties" in properties[key]:
            _refuse_unknown(value, properties[key], f"{where}, {key}")
