"""An engine that knows the synthetic clips of the recipe "shapes": it says Yes and No of crops by the truth.

Other requests it answers from the file of answers. ORACLE_LOG names a file that gets a line for each answer, with
ORACLE_DIE the process is killed in the middle of that many requests, counted from its start.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
from pathlib import Path

from harness.engines.scripted import Scripted
from harness.geometry import Box
from harness.records import Frame, Request, Response
from harness.shapes.clip import COLOURS, SHAPES, Clip, make
from harness.training.construct.example import FIRST_SEED

NAME = re.compile(rf"(?:{'|'.join(COLOURS)}) (?:{'|'.join(SHAPES)})")


def shows(clip: Clip, name: str, time: float, crop: Box) -> bool:
    """Whether a thing of that name is there and is what the crop shows."""
    return any(t.name == name and t.visible(time) and clip.box(t, time).iou(crop) > 0.5 for t in clip.things)


class Oracle(Scripted):
    """The engine."""

    begun = 0

    async def generate(self, request: Request) -> list[Response]:
        Oracle.begun += 1
        if Oracle.begun == int(os.environ.get("ORACLE_DIE", -1)):
            os.kill(os.getpid(), signal.SIGKILL)
        found = [self.look(request)] if request.choices else await super().generate(request)
        if log := os.environ.get("ORACLE_LOG"):
            parts = [Path(part.video).name if isinstance(part, Frame) else part for part in request.parts]
            shown = [part.crop or part.time for part in request.parts if isinstance(part, Frame)]
            with Path(log).open("a") as file:
                file.write(hashlib.sha256(repr((parts, shown)).encode()).hexdigest() + "\n")
        return found

    def look(self, request: Request) -> Response:
        frame, text = request.parts
        assert isinstance(frame, Frame) and frame.crop and isinstance(text, str)
        clip = make(FIRST_SEED + int(Path(frame.video).stem.rpartition("_")[2]))
        true = all(shows(clip, name, frame.time, frame.crop) for name in NAME.findall(text))
        return Response(rollout=0, text="Yes" if true else "No", finish="stop", tokens=1)


engine = Oracle
