"""Learning curves: what was logged while models were trained, over each other, as a picture and as a table.

Table 5 of arXiv 2510.20579 is explained by two of them, r_t and r_s with and without its two safeguards. A training is
a folder with trainer_state.json, or with checkpoints of which the latest has one. Folders whose names differ only in an
ending -s0, -s1 ... are seeds of one training: thin lines, and their mean thick.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness import schema
from harness.contracts import Sheet
from harness.errors import DataError, UsageError

from .plots.style import COLOURS, encoded
from .table3 import SEED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STATE = "trainer_state.json"
QUANTITIES = {
    "reward": ("reward, sum", "sum of components"),
    "r_acc": ("r_acc, answer", "reward"),
    "r_t": ("r_t, times cited", "reward"),
    "r_s": ("r_s, boxes cited", "reward"),
    "r_fmt": ("r_fmt, form", "reward"),
    "loss": ("loss", "as trained on"),
    "mean_token_accuracy": ("tokens predicted", "share"),
    "reward_std": ("spread of rewards in a group", "standard deviation"),
    "frac_reward_zero_std": ("groups with equal rewards", "share"),
    "sigma": ("σ of r_t", "seconds"),
    "kl": ("KL from the start", "nats a token"),
    "entropy": ("entropy", "nats a token"),
    "completions/mean_length": ("length of completions", "tokens"),
    "completions/clipped_ratio": ("completions cut off", "share"),
    "clip_ratio/region_mean": ("ratios clipped", "share"),
    "grad_norm": ("norm of the gradient", "before clipping"),
    "learning_rate": ("learning rate", "of an update"),
}
"""Name -> title and unit, in the order of the panels; components that are not here follow in that of the log."""
PER_ROW = 3
DASHES: tuple[Literal["-", "--", ":"], ...] = ("-", "--", ":")
"""Of trainings that share a colour, as there are more than colours."""
PARTS = ("first", "middle", "last")

Series = Mapping[str, list[tuple[int, float]]]
"""Name -> (step, value), ascending."""


@dataclass(frozen=True)
class Training:
    """What one training logged."""

    name: str
    """That of its folder, with as much of the path as tells it from the others."""
    series: Series
    components: tuple[str, ...]
    """Those of them that are components of the reward: the mean of each."""

    @property
    def group(self) -> str:
        """The name without the seed."""
        return SEED.sub("", self.name)


def read(folders: Sequence[Path]) -> list[Training]:
    """The trainings of those folders; UsageError where one is none or is given twice."""
    paths = [folder.resolve() for folder in folders]
    if len(set(paths)) < len(paths):
        raise UsageError("a training folder is given twice; leave one out")
    return [_read(name, path) for name, path in zip(names(paths), paths, strict=True)]


def names(paths: Sequence[Path]) -> list[str]:
    """The ends of the paths that are as short as tells them apart."""
    for length in range(1, max(len(path.parts) for path in paths) + 1):
        found = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(found)) == len(found):
            return found
    raise ValueError("paths must differ")


def _read(name: str, folder: Path) -> Training:
    path = _state(folder)
    found: dict[str, list[tuple[int, float]]] = {}
    components: dict[str, None] = {}
    data = schema.loads(path.read_bytes(), str(path))
    history = data.get("log_history") if isinstance(data, dict) else None
    if not isinstance(history, list) or not all(isinstance(entry, dict) and "step" in entry for entry in history):
        raise DataError(f"{path} has no log_history with steps; give the folder of a training")
    for entry in history:
        if "train_runtime" in entry:
            continue
        for key, value in entry.items():
            quantity = key
            if key.startswith("rewards/") and key.endswith("/mean"):
                quantity = key[len("rewards/") : -len("/mean")]
                components[quantity] = None
            if isinstance(value, (int, float)) and math.isfinite(value) and key not in ("step", "epoch"):
                found.setdefault(quantity, []).append((int(entry["step"]), float(value)))
    return Training(name, found, tuple(components))


def _state(folder: Path) -> Path:
    """The log of a training, or of its latest checkpoint."""
    if (folder / STATE).is_file():
        return folder / STATE
    saved = [each for each in folder.glob(f"checkpoint-*/{STATE}") if each.parent.name[11:].isdigit()]
    if not saved:
        raise UsageError(f"{folder} is no folder of a training: neither it nor a checkpoint in it has {STATE}")
    return max(saved, key=lambda each: int(each.parent.name[11:]))


def quantities(trainings: Sequence[Training], wanted: Sequence[str] = ()) -> list[str]:
    """What is drawn: what is wanted, else all that is known and was logged; UsageError for what was not."""
    logged = dict.fromkeys(name for training in trainings for name in training.series)
    for name in wanted:
        if name not in logged:
            raise UsageError(f"no training has logged {name!r}; there are: {', '.join(sorted(logged))}")
    if wanted:
        return [*wanted]
    components = dict.fromkeys(name for training in trainings for name in training.components)
    found = [name for name in QUANTITIES if name in logged] + [name for name in components if name not in QUANTITIES]
    if not found:
        raise UsageError("the trainings have logged nothing yet; try again after some steps")
    return found


def smooth(values: Sequence[float], width: int) -> list[float]:
    """Means over `width` neighbours, fewer towards the ends.

    >>> smooth([0, 3, 6, 0], 3)
    [1.5, 3.0, 3.0, 3.0]
    """
    before, after = (width - 1) // 2, width // 2
    parts = (values[max(0, place - before) : place + after + 1] for place in range(len(values)))
    return [sum(part) / len(part) for part in parts]


def average(seeds: Sequence[Sequence[tuple[int, float]]]) -> list[tuple[int, float]]:
    """The mean of the seeds at the steps that all of them have.

    >>> average([[(1, 0.0), (2, 1.0)], [(2, 0.5), (3, 0.0)]])
    [(2, 0.75)]
    """
    known = [dict(seed) for seed in seeds]
    steps = sorted(set.intersection(*(set(seed) for seed in known))) if known else []
    return [(step, sum(seed[step] for seed in known) / len(known)) for step in steps]


def draw(trainings: Sequence[Training], wanted: Sequence[str] = (), width: int | None = None) -> bytes:
    """The figure as a PNG."""
    return encoded(figure(trainings, wanted, width), "png")


def figure(trainings: Sequence[Training], wanted: Sequence[str] = (), width: int | None = None) -> Figure:
    """A panel for each quantity; lines are smoothed over `width` logged values, None for a twentieth."""
    from matplotlib.figure import Figure

    drawn = quantities(trainings, wanted)
    across = min(PER_ROW, len(drawn))
    down = math.ceil(len(drawn) / across)
    made = Figure(figsize=(4.2 * across + 0.4, 2.9 * down + 0.7), layout="constrained")
    panels = [panel for row in made.subplots(down, across, squeeze=False) for panel in row]
    groups = [*dict.fromkeys(training.group for training in trainings)]
    for panel, name in zip(panels, drawn, strict=False):
        for number, group in enumerate(groups):
            seeds = [t.series[name] for t in trainings if t.group == group and name in t.series]
            _lines(panel, seeds, COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)], width)
        title, unit = QUANTITIES.get(name, (name, "fraction" if name.startswith("eval_") else "value"))
        panel.set_title(title, fontsize=10)
        panel.set_xlabel("updates of the weights (steps)")
        panel.set_ylabel(unit)
        panel.grid(alpha=0.25)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[len(drawn) :]:
        panel.set_visible(False)
    _legend(made, trainings, groups, across)
    return made


def _lines(panel: Axes, seeds: Sequence[list[tuple[int, float]]], colour: str, dash: str, width: int | None) -> None:
    """A thin line for each seed and a thick one for their mean; of one seed, what was logged behind its means."""
    smoothed = []
    for seed in seeds:
        steps, values = zip(*seed, strict=True)
        means = smooth(values, width or max(1, len(values) // 20))
        smoothed.append([*zip(steps, means, strict=True)])
        thin = means if len(seeds) > 1 else values
        panel.plot(steps, thin, color=colour, linewidth=0.8, alpha=0.5 if len(seeds) > 1 else 0.25)
    if both := average(smoothed):
        panel.plot(*zip(*both, strict=True), color=colour, linewidth=2.2, linestyle=dash)


def _legend(figure: Figure, trainings: Sequence[Training], groups: Sequence[str], across: int) -> None:
    from matplotlib.lines import Line2D

    handles, labels = [], []
    for number, group in enumerate(groups):
        colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        handles.append(Line2D([], [], color=colour, linewidth=2.2, linestyle=dash))
        seeds = sum(training.group == group for training in trainings)
        labels.append(f"{group} ({seeds} seeds)" if seeds > 1 else group)
    longest = max(map(len, labels))
    columns = max(1, min(len(labels), 52 * across // (longest + 8)))
    figure.legend(handles, labels, loc="outside upper center", ncols=columns, frameon=False)


def table(trainings: Sequence[Training], wanted: Sequence[str] = ()) -> list[Sheet]:
    """A table for each quantity: the means of the first, the middle and the last tenth of what was logged."""
    sheets = []
    for name in quantities(trainings, wanted):
        title, unit = QUANTITIES.get(name, (name, ""))
        rows = [(t.name, *_tenths([value for _, value in t.series[name]])) for t in trainings if name in t.series]
        heading = f"{title} ({unit})" if unit else title
        sheets.append(Sheet(title=heading, head=("training", *PARTS, "values"), rows=tuple(rows)))
    told = "first, middle, last: means of a tenth of the logged values each, at least one"
    return [*sheets[:-1], Sheet(title=sheets[-1].title, head=sheets[-1].head, rows=sheets[-1].rows, notes=(told,))]


def _tenths(values: Sequence[float]) -> Iterable[str]:
    width = max(1, len(values) // 10)
    middle = (len(values) - width) // 2
    for begin in (0, middle, len(values) - width):
        yield f"{sum(values[begin : begin + width]) / width:.4g}"
    yield str(len(values))
