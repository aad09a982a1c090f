"""Headless Chromium, driven over a pipe: the DevTools protocol without a server and without a package."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-extensions", "--no-pings"),
    *(
        "--disable-dev-shm-usage",
        "--window-size=1400,900",
        "--hide-scrollbars",
        "--force-color-profile=srgb",
        "--remote-debugging-pipe",
    ),
)


ENDS = "import os, sys; [os.dup2(int(sys.argv[n]), n + 2) for n in (1, 2)]; os.execv(sys.argv[3], sys.argv[3:])"
"""Gives the program its ends of the pipes where it looks for them, as 3 and 4."""


class Browser:
    """A browser with one page; a context manager."""

    def __init__(self, profile: Path) -> None:
        """Start it with a profile of its own."""
        theirs, self._out = os.pipe()
        self._in, answers = os.pipe()
        words = [sys.executable, "-ISc", ENDS, str(theirs), str(answers), str(PROGRAM), *FLAGS]
        words += [f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(words, pass_fds=(theirs, answers), stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(answers)
        self._rest, self._last, self.session = b"", 0, None
        self.said: list[dict[str, Any]] = []
        """What the page reported: exceptions, console, requests."""
        page = next(t for t in self("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self(f"{domain}.enable")

    def __enter__(self) -> Browser:
        """It runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def __call__(self, method: str, **params: Any) -> Any:
        """One command of the protocol, and its result."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._last:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.said.append(answer)

    def _read(self) -> Any:
        while b"\0" not in self._rest:
            more = os.read(self._in, 1 << 20)
            assert more, "the browser has ended"
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def js(self, code: str) -> Any:
        """The value of an expression in the page; a promise is awaited."""
        found = self("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def open(self, url: str, ready: str = "document.querySelector('#main > .headline, #main > .fault')") -> None:
        """Go to a page and wait until the expression is true of it."""
        self.said.clear()
        self("Page.navigate", url="about:blank")
        self("Page.navigate", url=url)
        self.wait(ready)

    def wait(self, ready: str) -> None:
        """Wait until an expression is true, for ten seconds at most."""
        poll = f"""(async () => {{
          for (let n = 0; n < 400 && !({ready}); n++) await new Promise((done) => setTimeout(done, 25));
          return Boolean({ready});
        }})()"""
        assert self.js(poll), f"never came true: {ready}"

    def events(self, method: str) -> list[dict[str, Any]]:
        """What the page reported of that kind since it was opened."""
        return [each["params"] for each in self.said if each.get("method") == method]

    def shot(self, path: Path, width: int, height: int, dark: bool = False) -> None:
        """A picture of the page."""
        self("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self("Emulation.setEmulatedMedia", features=scheme)
        self.js("new Promise((f) => setTimeout(f, 400))")
        path.write_bytes(base64.b64decode(self("Page.captureScreenshot", format="png")["data"]))
