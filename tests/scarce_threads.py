"""A process that is short of threads."""

from __future__ import annotations

import threading

import pytest


class ScarceThreads:
    """No thread of ours can be started while `short`.

    Attributes:
        short: whether threads cannot be started now.
        refused: the names of the threads that could not be started, without their numbers.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.short, self.refused = False, set[str]()
        start = threading.Thread.start

        def scarce(thread: threading.Thread) -> None:
            if self.short and thread.name.startswith("aerospike-resilience"):
                self.refused.add(thread.name.rstrip("0123456789"))
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", scarce)
