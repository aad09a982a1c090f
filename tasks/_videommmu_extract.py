"""Takes the pictures of Video-MMMU's Adaptation questions out of their table, where their videos are not at hand.

    python -m harness.tasks._videommmu_extract DATA

writes question_only/<id>_image.png for each question of DATA/Adaptation that has no picture there.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from harness.errors import HarnessError

from . import _videommmu_pictures, _videommmu_rows


def extract(root: Path) -> list[Path]:
    """Write the pictures that no file has yet; DataError names the row that holds none."""
    from PIL import Image

    written = []
    for row in _videommmu_rows.rows(root, "Adaptation"):
        path = _videommmu_pictures.find(Path(_videommmu_rows.sample(row, "Adaptation", root).video))
        if path.is_file():
            continue
        cell = row.data.get("image")
        held = cell.get("bytes") if isinstance(cell, dict) else None
        if not isinstance(held, bytes):
            row.fail("image", "the bytes of a picture", cell)
        try:
            picture = Image.open(io.BytesIO(held)).convert("RGB")
        except OSError:
            row.fail("image", "a picture that can be read", held)
        path = path.with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
        written.append(path)
    return written


def main() -> None:
    """Write those of the data folder that the command names."""
    if len(sys.argv) != 2:
        sys.exit("give the data folder, which holds Adaptation/")
    try:
        sys.stdout.write(f"{len(extract(Path(sys.argv[1]).absolute()))} pictures written\n")
    except HarnessError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
