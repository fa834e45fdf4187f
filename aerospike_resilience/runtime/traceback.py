"""Tracebacks: removes the chain's frames, which do not help a reader, from errors of the client."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
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


def without_this_frame(error: BaseException) -> None:
    """Remove the frame in which an error was just caught. Raising it again does not bring it back."""
    frame = error.__traceback__
    if frame is not None:  # past the error's own methods: it may take no attributes
        BaseException.with_traceback(error, frame.tb_next)


_ENTRIES: Final = (str(Path(_OURS, "wrapping")), str(Path(_OURS, "runtime")))
"""Where an operation comes in, before the chain."""


def without_entry_frames(error: BaseException) -> None:
    """Remove the frames through which an operation came in, except the outermost.

    Only if the chain removed its own, which it does for errors of the client and for refusals. A mistake
    of this library keeps all frames.
    """
    if all(frame.startswith(_ENTRIES) for frame in _ours(error.__traceback__)):
        without_our_frames(error)


def _ours(frame: TracebackType | None) -> list[str]:
    found = []
    while frame is not None:
        if (name := frame.tb_frame.f_code.co_filename).startswith(_OURS):
            found.append(name)
        frame = frame.tb_next
    return found


_CALLS: Final = (
    str(Path(_OURS, "clients", "shared", "senders.py")),
    str(Path(_OURS, "runtime", "fast")),
)
"""Where the client is called."""


def is_raised_by_the_client(error: BaseException) -> bool:
    """Return whether an error came out of the call of the client, such as a `TypeError` of its own."""
    frames = _ours(error.__traceback__)
    return bool(frames) and frames[-1].startswith(_CALLS)
