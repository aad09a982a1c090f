"""How long a file says that it is: a download that broke off is shorter than that."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

BOXES = frozenset({
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"ssix", b"free", b"skip", b"wide", b"uuid", b"udta",
    b"meta", b"pdin", b"prft", b"emsg", b"pnot",
})  # fmt: skip
"""What an MP4 or QuickTime file consists of (ISO/IEC 14496-12, table 1)."""

EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
"""The two elements that a Matroska or WebM file consists of (RFC 8794, RFC 9559)."""


def missing(path: str) -> str | None:
    """In words, how much of a file is not there; None when nothing is or its format does not tell."""
    size = Path(path).stat().st_size
    with Path(path).open("rb") as file:
        told = _declared(file, size)
    return f"has {size:,} of the {told:,} bytes that it should have" if told is not None and told > size else None


def _declared(file: BinaryIO, size: int) -> int | None:
    head = file.read(64)
    if head[4:8] in BOXES:
        return _boxes(file, size)
    if head.startswith(EBML):
        return _segment(head)
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        told = int.from_bytes(head[4:8], "little")
        return 8 + told if told != 0xFFFFFFFF else None
    return None


def _boxes(file: BinaryIO, size: int) -> int:
    """Where the last box ends."""
    at = 0
    while at < size:
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        if head[4:8] not in BOXES or length < 8:
            break
        at += length
    return at


def _segment(head: bytes) -> int | None:
    """Where the segment behind the first element ends; None when it is open, as in a live recording."""
    at, length = _number(head, len(EBML))
    at += length
    if head[at : at + len(SEGMENT)] != SEGMENT:
        return None
    at, length = _number(head, at + len(SEGMENT))
    is_open = length == (1 << 7 * (at - head.index(SEGMENT) - len(SEGMENT))) - 1
    return None if is_open else at + length


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Where a number of variable length ends, and the number; the zeros that it starts with tell its length."""
    width = 9 - data[at].bit_length() if at < len(data) and data[at] else 1
    value = int.from_bytes(data[at : at + width], "big")
    return at + width, value & ((1 << 7 * width) - 1)
