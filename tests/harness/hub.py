"""A stand-in for the hub: data sets over HTTP on loopback, as huggingface_hub asks for them, and plain files."""

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
    """Serves the files of a folder as the data set `repo`; more of them, and plain files, can be added."""

    daemon_threads = True

    def __init__(self, repo: str, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos = {repo: folder}
        self.plain: dict[str, bytes] = {}
        """Path -> a file that is no part of a data set."""
        self.moved: dict[str, str] = {}
        """Path -> address to which it leads."""
        self.asked: list[tuple[str, str | None]] = []
        """Path and token of each request."""
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

    def described(self, repo: str) -> dict[str, Any]:
        siblings, folder = [], self.repos[repo]
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            content = path.read_bytes()
            told: dict[str, Any] = {"rfilename": path.relative_to(folder).as_posix(), "size": len(content)}
            told["blobId"] = hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()
            if path.suffix in (".zip", ".gz"):
                told["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 1}
            siblings.append(told)
        return {"id": repo, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0,
                "disabled": False, "gated": False, "siblings": siblings}  # fmt: skip


class Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_HEAD(self) -> None:
        self._file(body=False)

    def do_GET(self) -> None:
        match = re.match("/api/datasets/(.+)/revision/", self.path)
        if match and match[1] in self.server.repos:
            if self.server.status != 200:
                self.send_response(self.server.status)
                self.send_header("X-Error-Code", "GatedRepo")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            content = json.dumps(self.server.described(match[1])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        else:
            self._file(body=True)

    def _file(self, body: bool) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.path in self.server.moved:
            self.send_response(302)
            self.send_header("Location", self.server.moved[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        match = re.fullmatch(rf"/datasets/(.+)/resolve/{COMMIT}/(.+)", self.path)
        path = self.server.repos[match[1]] / match[2] if match else Path(self.path)
        if self.path not in self.server.plain and not (match and path.is_file()):
            self.send_error(404)
            return
        content = self.server.plain.get(self.path) or path.read_bytes()
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
