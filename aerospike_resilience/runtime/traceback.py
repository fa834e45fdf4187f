"""Tracebacks: of an error that the client raised, the frames of the chain say nothing to a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_OURS: Final = str(Path(__file__).parent.parent)
"""Where this library's code lies."""


def without_our_frames(error: BaseException) -> None:
    """Take this library's frames out of an error's traceback, but for the outermost.

    The outermost stays, so that a reader sees through whose hands the call went.
    """
    frame = error.__traceback__
    while frame is not None and (below := frame.tb_next) is not None:
        if below.tb_frame.f_code.co_filename.startswith(_OURS):
            frame.tb_next = below.tb_next
        else:
            frame = below
