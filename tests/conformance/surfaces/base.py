"""What every surface has: the words of the suite, and a loop for those that are awaited."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, ClassVar

from aerospike_resilience import resilient
from tests.waiting import PATIENCE_S, until

NAMESPACE, SET = "test", "conformance"


def learned(surface: Any) -> None:
    """Wait until the wrapped client knows the partition map."""
    until(lambda: any(node["partitions"] for node in surface.resilience.nodes.values()))


class Loop:
    """An event loop in a thread, for clients that are awaited."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, Any], patience_s: float = PATIENCE_S) -> Any:
        """Run a coroutine there and return its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(patience_s)

    def stop(self) -> None:
        """End the loop and its thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


class Surface:
    """One way to use a client.

    Attributes:
        name: for test ids.
        awaited: whether its calls are awaited.
        missing: what reading a missing record raises.
        exists_already: what creating an existing record raises.
        error: the client's own base classes of errors.
        outlives_cancellation: whether a cancelled call goes on.
        survives_fork: whether the client itself still works in a forked child.
    """

    name: ClassVar[str]
    awaited: ClassVar[bool] = False
    missing: ClassVar[type[Exception]]
    exists_already: ClassVar[type[Exception]]
    error: ClassVar[type[Exception] | tuple[type[Exception], ...]]
    outlives_cancellation: ClassVar[bool] = False
    survives_fork: ClassVar[bool] = False

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        self.bare: Any = None
        self.client: Any = None

    def open(self, **options: Any) -> None:
        """Connect, and wrap what was connected."""
        self.bare = self.connect()
        self.client = resilient(self.bare, **{"profile": "latency", **options})

    @property
    def resilience(self) -> Any:
        """What stands behind the wrapped client."""
        return self.client.resilience

    def connect(self) -> Any:
        """Return a bare client."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the wrapped client."""
        self.client.close()


class AwaitedSurface(Surface):
    """A surface whose calls are awaited, in a loop of its own."""

    awaited = True

    def __init__(self, cluster: Any) -> None:
        super().__init__(cluster)
        self.loop = Loop()

    def run(self, coroutine):
        return self.loop.run(coroutine)

    def open(self, **options: Any) -> None:
        async def opened() -> Any:
            self.bare = await self.connect_async()
            return resilient(self.bare, **{"profile": "latency", **options})

        self.client = self.run(opened())

    def close_client(self) -> None:
        async def closed() -> None:
            await self.client.close()

        self.run(closed())

    def close(self) -> None:
        self.close_client()
        self.loop.stop()

    def awaitable_get(self, n):
        """Return what an application awaits, or gives to ``asyncio.wait_for``. Called in the loop."""
        return self.client.get(self.key(n))
