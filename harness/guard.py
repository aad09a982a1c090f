"""Work that may crash, hang or eat all memory, done in child processes that are thrown away when it does.

A child is this Python started anew, so nothing is asked of the program that is guarded. It is sent the name of a
function and bytes, and sends back the bytes that the function yields: nothing of what comes from it is executed.
The system itself ends a child that gives no sign of life, even where Python could not interrupt it.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import IO, cast

from harness.errors import VideoError

MEMORY = 4 << 30
"""Bytes of memory that a child may have."""

START = "import sys; sys.path[:] = {path!r}; from harness.guard import serve; serve({memory})"

SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_MMAP_THRESHOLD_": str(64 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(256 << 20),
}
"""The environment of a child: one thread, and memory that stays at hand for the next picture, which saves time."""

ASKED = struct.Struct("<QQ")
"""What a call begins with: how many bytes say what is to be done and how, and how many the argument has."""

HEAD = struct.Struct("<cQ")
"""What an answer begins with: its kind, and how many bytes follow."""

PART, END, ERROR, FULL, FAULT = b".", b"$", b"!", b"m", b"?"
"""Kinds of answers: bytes that were yielded, all is done, a VideoError, no memory left, any other error."""


class Guard:
    """Child processes, one for each call under way; they are kept for later calls. Threads may share it."""

    def __init__(self, memory: int = MEMORY) -> None:
        """Children with so many bytes of memory, started when they are needed."""
        self.memory = memory
        self._idle: list[_Child] = []
        atexit.register(self.close)
        os.register_at_fork(after_in_child=self._forget)

    def call(
        self, job: str, argument: bytes, patience: float, what: str, leash: Leash | None = None
    ) -> Iterator[memoryview]:
        """What the generator `job`, written module:function, yields for the argument; each holds until the next.

        VideoError when it raises any error, or the child dies, has too little memory, or yields nothing for `patience`
        seconds, or when the leash is pulled; `what` says in the message what it was doing. A child that is killed from
        outside before it yields anything is innocent, and another one is asked.
        """
        leash = leash or Leash()
        for last in (False, True):
            child, begun = self._take(), False
            leash.hold(child.process)
            try:
                for part in child.run(job, argument, patience, what):
                    begun = True
                    yield part
                return
            except _Killed:
                if begun or last or leash.pulled:
                    raise
            finally:
                leash.drop(child.process)
                if child.ready:
                    self._idle.append(child)
                else:
                    child.end()

    def close(self) -> None:
        """End the children that are idle."""
        while self._idle:
            self._idle.pop().end()

    def _take(self) -> _Child:
        with suppress(IndexError):
            while child := self._idle.pop():
                if child.process.poll() is None:
                    return child
                child.end()
        return _Child(self.memory)

    def _forget(self) -> None:
        """In a copy of this process: the children belong to the original."""
        for child in self._idle:
            child.process.returncode = 0
            child.inbox.close()
            child.outbox.close()
        self._idle = []


class Leash:
    """What ends the calls of one caller before they are done, also those that begin later. Threads may share it."""

    def __init__(self) -> None:
        """It holds nothing yet."""
        self.pulled = False
        self._held: set[subprocess.Popen[bytes]] = set()

    def hold(self, process: subprocess.Popen[bytes]) -> None:
        """Have it ended when the leash is pulled."""
        self._held.add(process)
        if self.pulled:
            process.kill()

    def drop(self, process: subprocess.Popen[bytes]) -> None:
        """Its call is done."""
        self._held.discard(process)

    def pull(self) -> None:
        """End what is held."""
        self.pulled = True
        for process in self._held.copy():
            process.kill()


class _Killed(VideoError):
    """A child was ended by somebody else, such as a system that is short of memory."""


class _Child:
    def __init__(self, memory: int) -> None:
        self.ready = True
        """Whether it can be given work."""
        self.memory, self.buffer = memory, bytearray()
        self.process = subprocess.Popen(
            [sys.executable, "-c", START.format(path=sys.path, memory=memory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | SETTINGS,
        )
        assert self.process.stdin is not None and self.process.stdout is not None
        self.outbox, self.inbox = self.process.stdin, cast(BufferedReader, self.process.stdout)

    def run(self, job: str, argument: bytes, patience: float, what: str) -> Iterator[memoryview]:
        self.ready = False
        with suppress(BrokenPipeError):
            how = json.dumps([job, patience, str(Path.cwd())]).encode()
            self.outbox.writelines((ASKED.pack(len(how), len(argument)), how, argument))
            self.outbox.flush()
        while message := self._receive():
            kind, data = message
            self.ready = kind in (END, ERROR)
            if kind == PART:
                yield data
            elif kind == END:
                return
            elif kind == ERROR:
                raise VideoError(str(data, "utf-8", "surrogatepass"))
            elif kind == FULL:
                raise VideoError(f"{what} takes more than {self.memory / 2**30:g} GiB of memory; convert it")
            else:
                raise VideoError(f"{what} failed ({str(data, 'utf-8', 'replace')}); convert it")
        code = self.process.wait()
        if code == -signal.SIGALRM:
            raise VideoError(f"{what} came to nothing within {patience:.3g} s and was ended; convert it")
        reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise (_Killed if code == -signal.SIGKILL else VideoError)(
            f"{what} ended the process that did it ({reason}); convert it, or try again"
        )

    def _receive(self) -> tuple[bytes, memoryview] | None:
        """Kind and content of the next message; None when the child is gone."""
        head = self.inbox.read(HEAD.size)
        if len(head) < HEAD.size:
            return None
        kind, length = HEAD.unpack(head)
        if length > len(self.buffer):
            self.buffer = bytearray(length)
        data = memoryview(self.buffer)[:length]
        return (kind, data) if self.inbox.readinto(data) == length else None

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()
        self.inbox.close()
        with suppress(BrokenPipeError):
            self.outbox.close()


def _send(outbox: IO[bytes], kind: bytes, data: bytes) -> None:
    outbox.writelines((HEAD.pack(kind, len(data)), data))
    outbox.flush()


def serve(memory: int) -> None:
    """In the child: do what is asked until nothing more is."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Whoever stops the program stops its children by letting go of them.
        signal.signal(number, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    with suppress(ValueError, OSError):  # macOS knows no such limit
        resource.setrlimit(resource.RLIMIT_AS, (memory if most == resource.RLIM_INFINITY else min(memory, most), most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    inbox, outbox = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # What the libraries print must not come between messages.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def fault(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        last = traceback.extract_tb(trace)[-1]
        told = f"{kind.__name__} in {Path(last.filename).name}, line {last.lineno}: {error}"
        _send(outbox, FULL if issubclass(kind, MemoryError) else FAULT, told.encode("utf-8", "replace"))

    sys.excepthook = fault
    while head := inbox.read(ASKED.size):
        lengths = ASKED.unpack(head)
        job, patience, folder = json.loads(inbox.read(lengths[0]))
        argument = inbox.read(lengths[1])
        os.chdir(folder)
        module, _, function = job.partition(":")
        parts = getattr(importlib.import_module(module), function)(argument)
        while True:
            signal.setitimer(signal.ITIMER_REAL, patience)
            kind, data = _step(parts)
            signal.setitimer(signal.ITIMER_REAL, 0)
            _send(outbox, kind, data)
            if kind != PART:
                break


def _step(parts: Iterator[bytes]) -> tuple[bytes, bytes]:
    try:
        return PART, next(parts)
    except StopIteration:
        return END, b""
    except VideoError as error:
        return ERROR, str(error).encode("utf-8", "surrogatepass")
