"""Where media lie: the published layout, and no way out of the root."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import DataError
from harness.training import rows, sources
from harness.training.rows import KeyFrame, Row

LAYOUT = {
    "STR_plm_rdcap": "stgr/plm/videos",
    "STR_activitynet": "stgr/temporal_grounding/videos",
    "STR_coin": "stgr/temporal_grounding/videos",
    "STR_didemo": "stgr/temporal_grounding/videos",
    "STR_queryd": "stgr/temporal_grounding/videos",
    "STR_qvhighlight": "stgr/temporal_grounding/videos",
    "TVG_QVhighlight": "tvg_r1",
    "TVG_activitynet": "tvg_r1",
    "TreeVGR": "treevgr",
    "gqa": "gqa",
    "timerft": "timerft",
    "videoespresso_train_video": "videoespresso/videos",
    "videor1_free_from": "videor1",
    "videor1_mcq": "videor1",
}
"""As the README of the released program and the folders in its two trainers say."""


def _row(source: str = "gqa", video: str | None = "a/b.mp4", image: str | None = None) -> Row:
    task = rows.VISUAL if image else rows.OPEN
    return Row(id=7, source=source, task=task, question="q", answer="a", video=video, image=image)


@pytest.mark.parametrize("source", LAYOUT)
def test_every_published_source_lies_where_it_is_published(source: str, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    assert sources.media(tmp_path, _row(source)) == tmp_path / "videos" / LAYOUT[source] / "a/b.mp4"


def test_the_folder_of_videos_is_a_root_too_and_a_source_of_ones_own_is_a_folder(tmp_path: Path) -> None:
    assert sources.media(tmp_path, _row("mine")) == tmp_path / "mine/a/b.mp4"
    assert sources.media(tmp_path, _row("TreeVGR", None, "images/x.png")) == tmp_path / "treevgr/images/x.png"


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("STR_plm_rdcap", "stgr/plm/kfs"),
        ("STR_coin", "stgr/temporal_grounding/kfs"),
        ("videoespresso_train_video", "videoespresso/kfs"),
        ("mine", "mine/kfs"),
    ],
)
def test_key_frames_lie_beside_the_videos(source: str, folder: str, tmp_path: Path) -> None:
    frame = KeyFrame(idx=0, time=1.0, path="v/0.jpg")
    assert sources.key_frame(tmp_path, _row(source), frame) == tmp_path / folder / "v/0.jpg"
    assert sources.key_frame(tmp_path, _row(source), KeyFrame(idx=0, time=1.0)) is None


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../x.mp4", "a/../../../x.mp4", "out/x.mp4", "round/x.mp4", "", "a\0.mp4"]
)
def test_no_path_leaves_the_root(name: str, tmp_path: Path) -> None:
    root = tmp_path / "root"
    for folder in ("gqa", "gqa/kfs"):
        (root / folder).mkdir(parents=True)
        (root / folder / "out").symlink_to(tmp_path)
        (root / folder / "round").symlink_to("round")
    with pytest.raises(DataError, match=r"row 7 of gqa names .*not a path inside"):
        sources.media(root, _row(video=name))
    with pytest.raises(DataError, match=r"row 7 of gqa names .*not a path inside"):
        sources.key_frame(root, _row(), KeyFrame(idx=0, time=1.0, path=name))


@pytest.mark.parametrize("source", ["/etc", "..", "a/../.."])
def test_no_source_leaves_the_root(source: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a path inside"):
        sources.media(tmp_path, _row(source))


def test_a_row_without_media_is_a_fault() -> None:
    with pytest.raises(DataError, match="row 7 names neither"):
        sources.media(Path(), _row(video=None))
