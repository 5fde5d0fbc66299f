"""The type of a picture file by its first bytes, as Python's former module ``imghdr`` told it."""

from pathlib import Path
from typing import Any

BEGINNINGS = {
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"\xff\xd8\xff": "jpeg",
    b"MM\x00*": "tiff",
    b"II*\x00": "tiff",
    b"BM": "bmp",
}


def what(file: Any, h: bytes | None = None) -> str | None:
    """Tell the type of a picture.

    Args:
        file: a path, or an open binary file, which stays where it is.
        h: the first bytes, in place of the file.

    Returns:
        Such as ``"jpeg"``; None for what is no picture of a known type.
    """
    if h is None:
        if isinstance(file, (str, Path)):
            with Path(file).open("rb") as opened:
                h = opened.read(32)
        else:
            place = file.tell()
            h = file.read(32)
            file.seek(place)
    assert h is not None
    if h[:4] == b"RIFF" and h[8:12] == b"WEBP":
        return "webp"
    return next((kind for beginning, kind in BEGINNINGS.items() if h.startswith(beginning)), None)
