"""Work in a child process: whatever becomes of the child, the caller gets the answer or one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.errors import VideoError
from harness.guard import Guard, Leash

WORK = """
import os, signal, sys, time
from harness.errors import VideoError

def echo(asked):
    yield asked
    yield asked[::-1]

def who(asked):
    yield str(os.getpid()).encode()

def where(asked):
    yield os.getcwd().encode()

def nothing(asked):
    yield from ()

def refuse(asked):
    yield b"first"
    raise VideoError("it is \\ud800 damaged")

def crash(asked):
    yield b"first"
    os.kill(os.getpid(), signal.SIGSEGV)

def killed(asked):
    os.kill(os.getpid(), signal.SIGKILL)
    yield b""

def leave(asked):
    os._exit(3)
    yield b""

def hang(asked):
    yield b"first"
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    time.sleep(1000)

def many(asked):
    for _ in range(4):
        time.sleep(0.3)
        yield b"one"

def eat(asked):
    yield b"%d" % len(bytearray(int(asked)))

def chatter(asked):
    print("words of a library")
    os.write(1, b"and of another")
    os.write(2, b"and of a third")
    yield b"an answer"

def fault(asked):
    yield b"%d" % (1 // 0)
"""


@pytest.fixture
def guard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guard]:
    (tmp_path / "guarded_work.py").write_text(WORK)
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Guard(memory=1 << 30)
    yield made
    made.close()


def call(guard: Guard, name: str, asked: bytes = b"", patience: float = 20) -> list[bytes]:
    return [bytes(part) for part in guard.call(f"guarded_work:{name}", asked, patience, "reading a.mp4")]


def test_what_is_yielded_comes_back_from_one_child_after_the_other(guard: Guard) -> None:
    big = os.urandom(3_000_000)
    assert call(guard, "echo", big) == [big, big[::-1]]
    assert call(guard, "nothing") == []
    assert call(guard, "who") == call(guard, "who") != [str(os.getpid()).encode()]


def test_a_child_works_where_the_caller_is(guard: Guard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    call(guard, "who")
    monkeypatch.chdir(tmp_path)
    assert call(guard, "where") == [str(tmp_path).encode()]


def test_an_error_on_purpose_passes_as_itself_and_the_child_stays(guard: Guard) -> None:
    before = call(guard, "who")
    with pytest.raises(VideoError, match="it is \ud800 damaged"):
        call(guard, "refuse")
    assert call(guard, "who") == before


def test_any_other_error_is_told_with_its_place(guard: Guard) -> None:
    where = rf"guarded_work.py, line {WORK[: WORK.index('1 // 0')].count(chr(10)) + 1}"
    with pytest.raises(VideoError, match=rf"reading a.mp4 failed \(ZeroDivisionError in {where}: .*\); convert it"):
        call(guard, "fault")


def test_a_child_that_crashes_is_replaced(guard: Guard) -> None:
    before = call(guard, "who")
    got: list[bytes] = []
    with pytest.raises(VideoError, match=r"reading a.mp4 ended the process that did it \(SIGSEGV\)"):
        for part in guard.call("guarded_work:crash", b"", 20, "reading a.mp4"):
            got.append(bytes(part))
    assert got == [b"first"]
    with pytest.raises(VideoError, match="exit code 3"):
        call(guard, "leave")
    assert call(guard, "who") != before


def test_a_child_that_somebody_else_kills_is_innocent(guard: Guard) -> None:
    (before,) = call(guard, "who")
    os.kill(int(before), signal.SIGKILL)
    assert call(guard, "who") != [before]
    with pytest.raises(VideoError, match="SIGKILL"):
        call(guard, "killed")


def test_a_child_that_hangs_is_ended(guard: Guard) -> None:
    call(guard, "who")
    with pytest.raises(VideoError, match="reading a.mp4 came to nothing within 0.5 s and was ended"):
        call(guard, "hang", patience=0.5)


def test_each_sign_of_life_gives_more_time(guard: Guard) -> None:
    call(guard, "who")
    assert call(guard, "many", patience=1) == 4 * [b"one"]


def test_a_child_may_have_so_much_memory(guard: Guard) -> None:
    assert call(guard, "eat", b"%d" % (300 << 20)) == [b"%d" % (300 << 20)]
    with pytest.raises(VideoError, match="reading a.mp4 takes more than 1 GiB of memory"):
        call(guard, "eat", b"%d" % (2 << 30))


def test_what_libraries_print_is_no_answer(guard: Guard, capfd: pytest.CaptureFixture[str]) -> None:
    assert call(guard, "chatter") == [b"an answer"]
    assert capfd.readouterr() == ("", "")


def test_signals_for_the_program_do_not_end_its_children(guard: Guard) -> None:
    (before,) = call(guard, "who")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(int(before), number)
    assert call(guard, "who") == [before]


def test_many_callers_do_not_get_into_each_others_way(guard: Guard) -> None:
    names = 4 * ["echo", "crash", "refuse", "leave", "echo"]

    def one(number: int) -> bool:
        asked = str(number).encode()
        try:
            return call(guard, names[number], asked) == [asked, asked[::-1]]
        except VideoError:
            return names[number] != "echo"

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(one, range(len(names))))


def test_who_stops_listening_leaves_no_child_behind(guard: Guard) -> None:
    before = {*children(os.getpid())}
    parts = guard.call("guarded_work:hang", b"", 600, "reading a.mp4")
    assert bytes(next(parts)) == b"first" and before < {*children(os.getpid())}
    del parts
    assert not guard._idle and before == {*children(os.getpid())}


def test_whoever_stops_waiting_ends_what_is_under_way_and_what_comes_later(guard: Guard) -> None:
    mine, other = Leash(), Leash()

    def hang(leash: Leash) -> list[bytes]:
        return [bytes(part) for part in guard.call("guarded_work:hang", b"", 600, "reading a.mp4", leash)]

    with ThreadPoolExecutor(2) as pool:
        ended, still = pool.submit(hang, mine), pool.submit(hang, other)
        while not mine._held or not other._held:
            time.sleep(0.01)
        mine.pull()
        for call_ in (ended, pool.submit(hang, mine)):
            with pytest.raises(VideoError, match="SIGKILL"):
                call_.result(20)
        assert not still.done() and not mine._held
        other.pull()
        with pytest.raises(VideoError):
            still.result(20)


def test_a_program_without_a_main_guard_ends_and_so_do_its_children(tmp_path: Path, guard: Guard) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from harness.guard import Guard\n"
        "print(*(str(p, 'ascii') for p in Guard().call('guarded_work:who', b'', 20, 'x')), flush=True)\n"
        "input()\n"
    )
    for ending in ("left", "killed"):
        program = subprocess.Popen(
            [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert program.stdout is not None
        child = int(program.stdout.readline())
        if ending == "killed":
            program.kill()
        program.communicate(b"\n")
        deadline = time.monotonic() + 20
        while Path(f"/proc/{child}").exists() and state(child) != "Z":
            assert time.monotonic() < deadline, f"{child} outlives its program, which was {ending}"
            time.sleep(0.05)


def test_a_copy_of_the_process_has_children_of_its_own(guard: Guard, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import os\n"
        "from harness.guard import Guard\n"
        "guard = Guard()\n"
        "def who():\n"
        "    print(*(str(p, 'ascii') for p in guard.call('guarded_work:who', b'', 20, 'x')), flush=True)\n"
        "who()\n"
        "copy = os.fork()\n"
        "who()\n"
        "if copy:\n"
        "    os.waitpid(copy, 0)\n"
        "    who()\n"
    )
    told = subprocess.run([sys.executable, "-W", "error", str(script)], capture_output=True, text=True, check=True)
    numbers = told.stdout.split()
    assert sorted(map(numbers.count, set(numbers))) == [1, 3] and not told.stderr


def state(process: int) -> str:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


def children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()
