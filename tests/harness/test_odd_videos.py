"""What people have on their disks: a frame is exact or an error, whatever decodes it; nothing crashes or hangs."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import av
import pytest

from harness import extent, guarded, plugins
from harness.decoders import decord as ours
from harness.errors import UsageError, VideoError
from harness.frames import Frames
from harness.records import Frame, Sample
from harness.store import read_records
from harness.video import probe


def of(video: str) -> Sample:
    return Sample(id="q", item="q", kind="what", video=video, question="?")


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("odd_videos", path)
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


odd: Any = module(Path(__file__).parents[2] / "benchmarks" / "videos.py")

NOT_FOR_DECORD = {
    "edit-list.mp4": "counts 40 frames",
    "av1.mp4": "cannot read",
    "no-duration.mkv": "cannot read",
    "two-videos.mkv": "which of the videos",
    "one-pixel.mkv": "cannot read",
    **dict.fromkeys(
        (
            "h264.avi",
            "mpeg4.avi",
            "motion-jpeg.avi",
            "broadcast.ts",
            "starts-twice.ts",
            "mpeg2.mpg",
            "no-container.h264",
            "moving.gif",
        ),
        "other frames than asked for",
    ),
}
OTHER_COLOURS = {"10-bit-hevc.mp4", "interlaced.mp4"}
"""decord's older FFmpeg spreads their colours over the pixels in another way; brightness is off by less than 1."""

HIDDEN_BY_DECORD = {"hole.mkv"}
"""It gives a frame that it has mended, and does not say so."""


@pytest.fixture(autouse=True)
def quiet() -> None:
    av.logging.set_level(None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd")


@pytest.fixture(scope="module")
def files(folder: Path) -> Any:
    """Name -> the file of that name and the file that says what its frames are."""
    made: dict[str, tuple[Path, Path]] = {}

    def find(name: str) -> tuple[Path, Path]:
        if name not in made:
            made[name] = folder / name, odd.ODD[name](folder / name)
        return made[name]

    return find


@pytest.fixture
def pyav() -> str:
    return "pyav"


@pytest.fixture
def decord() -> str:
    try:
        plugins.load("harness.decoders", "decord")()
    except UsageError as missing:
        pytest.skip(str(missing))
    return "decord"


@pytest.mark.parametrize("name", odd.READABLE)
def test_every_frame_of_a_whole_file_is_exact(name: str, files: Any, pyav: str) -> None:
    outcome = odd.judge(*files(name), pyav)
    assert outcome == odd.Outcome(exact=outcome.exact) and outcome.exact


@pytest.mark.parametrize("name", odd.DAMAGED)
def test_a_frame_of_a_damaged_file_is_exact_or_an_error(name: str, files: Any, pyav: str) -> None:
    outcome = odd.judge(*files(name), pyav)
    assert outcome.exact and not outcome.wrong and not outcome.near
    # Nothing in a broadcast tells where it ends.
    assert outcome.said or name == "cut-off.ts"


@pytest.mark.parametrize("name", odd.FLIPPED)
def test_flipped_bits_harm_only_what_comes_after_them(name: str, files: Any, pyav: str) -> None:
    outcome = odd.judge(*files(name), pyav)
    assert outcome.exact >= 12


@pytest.mark.parametrize("name", odd.UNREADABLE)
def test_what_is_no_video_is_one_sentence(name: str, files: Any, pyav: str) -> None:
    outcome = odd.judge(*files(name), pyav)
    assert outcome == odd.Outcome(said=outcome.said)
    assert name in outcome.said and "\n" not in outcome.said


@pytest.mark.parametrize("name", [*odd.READABLE, *odd.DAMAGED])
def test_decord_gives_the_same_pixels_or_an_error(name: str, files: Any, decord: str) -> None:
    outcome = odd.judge(*files(name), decord)
    if name in odd.DAMAGED:
        assert not outcome.wrong or name in HIDDEN_BY_DECORD
    elif name in NOT_FOR_DECORD:
        assert outcome == odd.Outcome(errors=outcome.errors, said=outcome.said) and outcome.errors
        assert NOT_FOR_DECORD[name] in outcome.said
    else:
        count = len(odd.sequential(files(name)[1]))
        assert outcome == (odd.Outcome(near=count) if name in OTHER_COLOURS else odd.Outcome(exact=count))


def test_frames_that_are_near_are_nearer_than_any_other(files: Any) -> None:
    pictures = [picture for _, picture in odd.sequential(files("b-frames.mp4")[1])]
    assert all(odd.difference(a, b) > 10 * odd.NEAR for a, b in zip(pictures, pictures[1:], strict=False))


BROKEN = """
import os, signal, time
from pathlib import Path
from harness.decoders import Decoder, pyav

def read(info, indices):
    for count, (index, picture) in enumerate(pyav.read(info, indices)):
        if count == 2:
            what = Path(info.path).stem
            if what == "hangs":
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
                time.sleep(1000)
            if what == "eats":
                bytearray(8 << 30)
            os.kill(os.getpid(), signal.SIGSEGV)
        yield index, picture

def decoder():
    return Decoder(software="broken 1", read=read)
"""


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("hangs", "decoding {} came to nothing within 1 s and was ended"),
        ("eats", "decoding {} takes more than 4 GiB of memory"),
        ("crashes", "decoding {} ended the process that did it (SIGSEGV)"),
    ],
)
def test_a_decoder_that_fails_leaves_the_frames_that_came_before(
    what: str, said: str, files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded, "PATIENCE", 1.0)
    (tmp_path / "broken.py").write_text(BROKEN)
    video = shutil.copy(files("b-frames.mp4")[0], tmp_path / f"{what}.mp4")
    info = probe(str(video))
    asked = [Frame(video=info.path, time=float(time), size=(28, 28)) for time in info.times[:6]]
    found = list(guarded.pictures(str(tmp_path / "broken.py"), info, asked))
    assert [frame for frame, _ in found] == asked
    assert not any(isinstance(image, VideoError) for _, image in found[:2])
    told = said.replace("within 1 s", f"within {guarded.patience(info.path):.3g} s").format(info.path)
    assert all(isinstance(image, VideoError) and told in str(image) for _, image in found[2:])


def test_a_file_that_breaks_off_is_refused_or_noted(files: Any) -> None:
    video = str(files("cut-off.mp4")[0])

    async def view(partial: bool) -> Any:
        frames = Frames(threads=1, partial=partial)
        try:
            shown = await frames.view(of(video), "uniform:4", "qwen2_5_vl", 10_000)
            await frames.get([Frame(video=video, time=shown.times[0], size=(28, 28))])
        finally:
            frames.close()
        return shown

    with pytest.raises(
        VideoError, match=r"breaks off at 0\.\d s: it has [\d,]+ of the [\d,]+ bytes .*--partial-videos"
    ):
        asyncio.run(view(partial=False))
    shown = asyncio.run(view(partial=True))
    assert shown.note.startswith(video) and "breaks off" in shown.note and shown.duration < 1


@pytest.mark.parametrize(
    ("name", "seen"), [("cut-off.mp4", True), ("cut-off.mkv", True), ("cut-off.avi", True), ("cut-off.ts", False)]
)
def test_a_file_says_how_long_it_is(name: str, seen: bool, files: Any, tmp_path: Path) -> None:
    cut, whole = files(name)
    assert (extent.missing(str(cut)) is not None) == seen
    assert extent.missing(str(whole)) is None
    longer = tmp_path / name
    longer.write_bytes(whole.read_bytes() + b"some words of who wrote it")
    assert extent.missing(str(longer)) is None


@pytest.mark.parametrize("name", [*odd.READABLE, "page.mp4", "empty.mp4"])
def test_no_whole_file_is_taken_for_one_that_breaks_off(name: str, files: Any) -> None:
    assert extent.missing(str(files(name)[0])) is None


def test_long_videos_that_were_probed_do_not_fill_the_memory(files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.frames.PROBED_FRAMES", 100)
    frames = Frames(threads=1)

    async def views() -> None:
        for name in ("b-frames.mp4", "open-gop.mp4", "30-hours.mkv"):
            shown = await frames.view(of(str(files(name)[0])), "fps:2:16", "qwen2_5_vl", 10_000)
        assert len(shown.times) == 16 and shown.duration > 29 * 3600
        await frames.view(of(str(files("rotated.mp4")[0])), "uniform:2", "qwen2_5_vl", 10_000)

    asyncio.run(views())
    frames.close()
    assert len(frames._probed) <= 2


def test_a_run_tells_which_videos_were_not_whole(run: Any, data: Path, files: Any, tmp_path: Path) -> None:
    shutil.copytree(data, tmp_path / "data")
    victim = min((tmp_path / "data" / "colours").glob("*.mp4"))
    shutil.copy(files("cut-off.mp4")[0], victim)
    for out, flags, errors, notes in (("strict", [], 3, 0), ("partial", ["--partial-videos"], 0, 3)):
        said = run("--data", tmp_path / "data", "--out", tmp_path / out, *flags)
        assert said.code == 0, said.err
        scores = json.loads((tmp_path / out / "scores.json").read_text())
        told = scores["tasks"]["colours"]
        assert (told["counts"]["errors"], sum(told["notes"].values())) == (errors, notes)
        assert "breaks off at" in (tmp_path / out / "report.md").read_text()
        noted = [r.view for r in read_records(tmp_path / out) if r.view and r.view.note]
        assert len(noted) == notes and all(view.video == str(victim) for view in noted)
    assert "3 samples were evaluated with a video that is not whole" in said.out


def test_the_decoder_is_named_in_the_run(run: Any, decord: str, tmp_path: Path) -> None:
    assert run("--decoder", "decord", "--limit", 1).code == 0
    told = json.loads((tmp_path / "run" / "run.json").read_text())
    assert told["settings"]["video"] == {"decoder": "decord", "partial": False}
    assert "decord" in told["sessions"][0]["versions"]


def test_a_decoder_that_is_not_there_is_told_at_once(run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    said = run("--decoder", "decrod")
    assert said.code == 2 and "there is no decoder named 'decrod'" in said.err and "decord, pyav" in said.err
    monkeypatch.setattr(ours, "PACKAGES", ("no-such-decord",))
    said = run("--decoder", "decord")
    assert said.code == 2 and "decord is not installed; run: pip install 'grounded-harness[decord]'" in said.err
    assert not (tmp_path / "run").exists()


def test_a_recording_that_was_started_twice_is_counted(files: Any) -> None:
    info = probe(str(files("starts-twice.ts")[0]))
    assert len(info.times) == 80 and info.fps == pytest.approx(30) and info.duration == pytest.approx(80 / 30, abs=0.05)


@pytest.mark.parametrize(
    ("limit", "said"), [("LARGEST", "says that its pictures are 96x64"), ("MOST", "has more than 10 frames")]
)
def test_a_video_beyond_all_sense_is_refused(
    limit: str, said: str, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"harness.video.{limit}", 10)
    with pytest.raises(VideoError, match=said):
        probe(str(files("b-frames.mp4")[0]))
