"""A stand-in for the hub: one data set over HTTP on loopback, as huggingface_hub asks for it."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

COMMIT = "c0ffee" + "0" * 34


class Hub(ThreadingHTTPServer):
    """Serves the files of a folder as the data set `repo`."""

    daemon_threads = True

    def __init__(self, repo: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repo, self.folder = repo, folder
        self.begun: list[tuple[str, int]] = []
        """File and first byte of each download."""
        self.spoilt: set[str] = set()
        """Files that arrive with a wrong byte."""
        self.stall: int | None = None
        """Bytes after which a download stops and hangs."""
        self.status = 200
        self.go_on = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def stop(self) -> None:
        self.go_on.set()
        self.shutdown()
        self.server_close()

    def described(self) -> dict[str, Any]:
        siblings = []
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file()):
            content = path.read_bytes()
            told: dict[str, Any] = {"rfilename": path.relative_to(self.folder).as_posix(), "size": len(content)}
            told["blobId"] = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            if path.suffix == ".zip":
                told["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 1}
            siblings.append(told)
        return {"id": self.repo, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0,
                "disabled": False, "gated": False, "siblings": siblings}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        if self.path.startswith(f"/api/datasets/{self.server.repo}/revision/"):
            if self.server.status != 200:
                self.send_response(self.server.status)
                self.send_header("X-Error-Code", "GatedRepo")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = json.dumps(self.server.described()).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            self._file(body=True)

    def _file(self, body: bool) -> None:
        match = re.fullmatch(rf"/datasets/{self.server.repo}/resolve/{COMMIT}/(.+)", self.path)
        path = self.server.folder / match[1] if match else None
        if path is None or not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        first = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(first[1]) if first else 0
        self.send_response(206 if first else 200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        if first:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body:
            self.server.begun.append((path.name, start))
            self._send(content[start:], spoilt=path.name in self.server.spoilt)

    def _send(self, content: bytes, spoilt: bool) -> None:
        content = content[:-1] + bytes([content[-1] ^ 1]) if spoilt else content
        if self.server.stall is not None and len(content) > self.server.stall:
            self.wfile.write(content[: self.server.stall])
            self.wfile.flush()
            self.server.go_on.wait(60)
            return
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        """Say nothing."""
