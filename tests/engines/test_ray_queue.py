"""Which question goes to which worker."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from harness.engines._ray_queue import Queue, Ticket, ticket
from harness.records import Clip, Frame, Request


def made(video: str, length: int = 1, *, alone: bool = False) -> Ticket:
    return Ticket(Request(parts=("?",)), video, length, alone=alone)


def crew(*workers: str, seats: int = 4) -> Queue[str]:
    queue: Queue[str] = Queue(lambda count: seats)
    for worker in workers:
        queue.join(worker)
    return queue


def put(queue: Queue[str], *tickets: Ticket) -> list[tuple[str, str]]:
    """(video, worker) of what moves when those come."""
    for each in tickets:
        queue.put(each)
    return [(each.video, worker) for each, worker in queue.moves()]


def test_questions_of_a_video_stay_with_its_worker() -> None:
    queue = crew("a", "b")
    assert put(queue, made("x"), made("y"), made("x"), made("y")) == [("x", "a"), ("y", "b"), ("x", "a"), ("y", "b")]
    assert put(queue, made("y"), made("y")) == [("y", "b"), ("y", "b")]


def test_the_longest_goes_first() -> None:
    queue = crew("a", seats=1)
    first, second = made("x", 5), made("y", 9)
    assert put(queue, first, second, made("z", 7)) == [("y", "a")]
    queue.end(second)
    assert [each.video for each, _ in queue.moves()] == ["z"]


def test_a_half_idle_worker_takes_over_what_others_have_no_room_for() -> None:
    queue = crew("a", "b", seats=2)
    assert put(queue, made("x"), made("x")) == [("x", "a"), ("x", "a")]
    assert put(queue, made("x"), made("x")) == [("x", "b"), ("x", "b")]
    assert put(queue, made("x")) == []


def test_what_a_lost_worker_had_is_handed_back_and_goes_elsewhere() -> None:
    queue = crew("a", "b")
    put(queue, made("x"), made("y"), made("x"))
    lost = queue.leave("a")
    assert [each.video for each in lost] == ["x", "x"]
    assert put(queue, *lost) == [("x", "b"), ("x", "b")]


def test_a_ticket_that_is_to_be_alone_waits_until_a_worker_is_idle() -> None:
    queue = crew("a", "b")
    [one, two] = [made("x"), made("y")]
    put(queue, one, two)
    suspect = made("z", alone=True)
    assert put(queue, suspect) == []
    assert put(queue, made("x")) == [("x", "b")], "a is kept free"
    queue.end(one)
    assert [*queue.moves()] == [(suspect, "a")]
    assert put(queue, made("w"), made("w"), made("w")) == [("w", "b"), ("w", "b")]
    queue.end(suspect)
    assert [(each.video, worker) for each, worker in queue.moves()] == [("w", "a")]


def test_length_is_pixels_and_tokens() -> None:
    frame = Frame(video="x", time=0, size=(28, 56))
    short = Request(parts=(frame, frame, "?"), max_tokens=10)
    assert ticket(short, 0).length == 2 * 28 * 56 + 10_000
    assert ticket(replace(short, n=8), 0).length == 2 * 28 * 56 + 80_000
    assert ticket(Request(parts=(Clip(frames=(frame, frame)), "?"), max_tokens=10), 0).video == "x"
    assert ticket(Request(parts=("?",)), 1).video != ticket(Request(parts=("?",)), 2).video


Event = tuple[str, int, int]
events = st.lists(
    st.tuples(st.sampled_from(["put", "alone", "end", "join", "leave"]), st.integers(0, 5), st.integers(1, 9))
)


@given(events, st.integers(1, 4))
def test_nothing_is_lost_doubled_or_left_waiting_beside_an_idle_worker(events: list[Event], seats: int) -> None:
    queue, out, waiting = crew(seats=seats), dict[Ticket, int](), list[Ticket]()
    for kind, number, length in [*events, ("join", 9, 1)]:
        if kind in ("put", "alone"):
            waiting.append(made(str(number), length, alone=kind == "alone"))
            queue.put(waiting[-1])
        elif kind == "end" and out:
            queue.end(ended := [*out][number % len(out)])
            del out[ended]
        elif kind == "join":
            queue.join(str(number)) if str(number) not in queue.workers else None
        elif kind == "leave":
            left = queue.leave(str(number))
            assert set(left) == {each for each, worker in out.items() if worker == number}
            for each in left:
                del out[each]
        for moved, worker in queue.moves():
            waiting.remove(moved)
            out[moved] = int(worker)
        load = Counter(out.values())
        assert max(load.values(), default=0) <= seats
        for each, worker_number in out.items():
            assert not each.alone or load[worker_number] == 1
        assert not waiting or all(load[int(worker)] for worker in queue.workers)


@given(st.lists(st.sampled_from("uvwxyz"), min_size=1), st.booleans())
def test_everything_is_answered_in_the_end(videos: list[str], alone: bool) -> None:
    queue = crew("a", "b", seats=2)
    for video in videos:
        queue.put(made(video, alone=alone and video == "u"))
    done = 0
    while moves := [*queue.moves()]:
        for each, _ in moves:
            queue.end(each)
            done += 1
    assert done == len(videos)
