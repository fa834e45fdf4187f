"""Starting and ending a cluster, in `with` and in `async with`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class Lifecycle(ABC):
    """What starts, and ends when its block ends."""

    @abstractmethod
    def start(self) -> Self:
        """Start it."""

    @abstractmethod
    def stop(self) -> None:
        """End it; the second time does nothing."""

    def close(self) -> None:
        """End it, as `stop()` does."""
        self.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)
