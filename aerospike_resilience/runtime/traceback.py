"""Tracebacks: removes the chain's frames, which do not help a reader, from errors of the client."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_OURS: Final = str(Path(__file__).parent.parent)
"""The directory of this library's code."""


def without_our_frames(error: BaseException) -> None:
    """Remove this library's frames from an error's traceback, except the outermost.

    The outermost stays, so that a reader sees that the call went through this library.
    """
    frame = error.__traceback__
    while frame is not None:
        kept = below = frame.tb_next
        while kept is not None and kept.tb_frame.f_code.co_filename.startswith(_OURS):
            kept = kept.tb_next
        if kept is not below:
            frame.tb_next = kept
        frame = kept
