"""What clients' views of their cluster have in common: when to ask nothing, what a failed question means.

The tend thread asks its questions, and the application calls ``close()``, in different threads. Some
clients fail when one meets the other, and some crash the interpreter. So nothing is asked while a client
closes or connects.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from ...concurrency import forking
from ...concurrency.wakeup import Wakeup
from ...model.digest import partition_of
from ...model.durations import limit_s_to_ms_rounded_down
from ...model.failure import Failure, Fault
from ...model.operation import Key, NodeAddress, NotAskedError
from ...model.statistics import NO_STATISTICS, ClientStatistics

MAX_PAUSE_WAIT_S: Final = 5.0
"""How long `ClientSource.pause` waits for questions under way, in seconds. Their timeouts are shorter."""


class ClientSource(ABC):
    """Asks one client about its cluster.

    Whoever waits for questions under way leaves out those of its own thread: a signal handler may close the
    client in the middle of one.

    Args:
        client: the client.
    """

    stays_where_refused = False

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.RLock()
        self._asking: dict[int, int] = {}
        self._paused = False
        self._waiting: list[Callable[[], object]] = []
        forking.register(self)

    def stop(self) -> None:
        """Begin no more questions. Never waits."""
        self._paused = True

    def pause(self) -> None:
        """Begin no more questions, and wait until those under way have ended."""
        self.stop()
        self.wait(MAX_PAUSE_WAIT_S)

    async def pause_async(self) -> None:
        """Do as `pause` does, without holding the event loop up."""
        import asyncio

        self.stop()
        loop, ends = asyncio.get_running_loop(), time.monotonic() + MAX_PAUSE_WAIT_S
        quiet = asyncio.Event()
        while not self._quiet_or(lambda: loop.call_soon_threadsafe(quiet.set)):
            try:
                async with asyncio.timeout(ends - time.monotonic()):
                    await quiet.wait()
            except TimeoutError:
                return
            quiet.clear()

    def wait(self, patience_s: float) -> None:
        """Wait until questions under way have ended, for so many seconds at most."""
        quiet, ends = Wakeup(), time.monotonic() + patience_s
        while not self._quiet_or(quiet.set):
            if not quiet.wait(ends - time.monotonic()):
                return

    def resume(self) -> None:
        """Allow questions again after `stop` or `pause`."""
        self._paused = False

    def after_fork(self) -> None:
        """Forget the questions under way: the parent's threads do not exist in the child."""
        self._lock = threading.RLock()
        self._asking, self._waiting = {}, []

    @contextmanager
    def question(self) -> Iterator[bool]:
        """Have `pause` wait while the client is asked something. Yields False if it must not be asked."""
        here = threading.get_ident()
        with self._lock:
            may_ask = not self._paused
            self._asking[here] = self._asking.get(here, 0) + may_ask
        try:
            yield may_ask
        finally:
            with self._lock:
                left = self._asking.pop(here, 0) - may_ask
                if left > 0:
                    self._asking[here] = left
                waiting, self._waiting = self._waiting, []
            for tell in waiting:
                _tell(tell)

    def _quiet_or(self, tell: Callable[[], object]) -> bool:
        """Return whether nothing is being asked; otherwise have `tell` called once something has ended."""
        here = threading.get_ident()
        with self._lock:
            if all(thread == here for thread in self._asking):
                return True
            self._waiting.append(tell)
            return False

    def statistics(self) -> ClientStatistics:
        """Return nothing: this client tells nothing of its connections."""
        return NO_STATISTICS

    @abstractmethod
    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes that the client knows now; see `NodeSource.nodes`."""

    @abstractmethod
    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node an info command; see `NodeSource.info`."""

    def refuses(self, node: str, timeout_s: float) -> bool:  # noqa: ARG002
        """Return False: a question to such a node ends with an error at once."""
        return False

    def answers(
        self, nodes: Sequence[str], command: str, timeout_s: float
    ) -> dict[str, str | None]:
        """Ask one node after the other; see `NodeSource.answers`."""
        found: dict[str, str | None] = {}
        for node in nodes:
            try:
                found[node] = self.info(node, command, timeout_s)
            except NotAskedError:
                found[node] = None
            except Exception:  # noqa: BLE001 - whatever is raised, the node did not answer
                continue
        return found

    def read(self, node: str, key: Key, timeout_s: float) -> None:
        """Read one record's metadata from its master, in one try; see `NodeSource.read`."""
        with self.question() as may_ask:
            if may_ask:
                try:
                    self._exists(key, limit_s_to_ms_rounded_down(timeout_s))
                except Exception as error:
                    failure = self._raise_if_not_asked(error)
                    if self._is_elsewhere(node, failure):
                        raise NotAskedError(f"not node {node} was asked: {error}") from error
                    if not failure.answered:
                        raise

    def _is_elsewhere(self, node: str, failure: Failure) -> bool:
        """Return whether a failure says that another node than this one was asked."""
        asked = failure.node
        for at in self.nodes() if asked is None and failure.address is not None else ():
            if failure.address == f"{at.host.strip('[]')}:{at.port}":
                asked = at.name
        return asked not in (None, node)

    def _raise_if_not_asked(self, error: Exception) -> Failure:
        """Return what an error means that a question ended with.

        Raises:
            NotAskedError: the question never left this process, or may not have.
        """
        failure = self._classify(error)
        if failure.fault is Fault.LOCAL or failure.soft:
            raise NotAskedError(str(error)) from error
        return failure

    @abstractmethod
    def _exists(self, key: Key, timeout_ms: int) -> None:
        """Ask the record's master, in one try, whether the record exists."""

    @abstractmethod
    def _classify(self, error: Exception) -> Failure:
        """Return what an error of `_exists` means."""


def _tell(tell: Callable[[], object]) -> None:
    try:
        tell()
    except RuntimeError:  # the event loop that waited is closed
        return


class TupleKeySource(ClientSource):
    """A `ClientSource` of a client whose keys are tuples and which cannot name a record's partition."""

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a key tuple."""
        return (namespace, set_name, user_key)

    def partition(self, key: Key) -> tuple[str, int]:
        """Return a record's namespace and partition, computed without the client."""
        return key[0], partition_of(key)
