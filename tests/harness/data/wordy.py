"""A judge that nothing holds to the choices: it answers by the colour that is to be graded."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from harness.contracts import Pixels
from harness.engines import Settings
from harness.errors import EngineError
from harness.records import Request, Response


class Wordy:
    """Option `says` maps a colour to a text; "error" fails, "silence" gives no response."""

    def __init__(self, settings: Settings, pixels: Pixels) -> None:
        """Note the options."""
        self.options = settings.options

    async def start(self) -> None:
        """Nothing to load."""

    async def generate(self, request: Request) -> list[Response]:
        """One token, in principle."""
        assert request.choices == ("0", "1", "2", "3") and request.max_tokens == 1
        text = "".join(part for part in request.parts if isinstance(part, str))
        answer = re.findall(r"Answer to grade: (.*)", text)[0]
        if "log" in self.options:
            with Path(self.options["log"]).open("a") as log:
                log.write(json.dumps(request.key) + "\n")
        await asyncio.sleep(self.options.get("delay", 0))
        said = str(self.options.get("says", {}).get(answer, 3))
        if said == "error":
            raise EngineError("the prompt is too long")
        return [] if said == "silence" else [Response(rollout=0, text=said, finish="stop", tokens=1)]

    async def close(self) -> None:
        """Nothing was taken."""


engine = Wordy
