"""Waiting: connects again and again, for a service that starts before its database."""

from __future__ import annotations

import asyncio
import random
import time
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from ..concurrency import threads
from ..concurrency.wakeup import Wakeup
from ..errors import (
    ConnectError,
    RefusedCredentialsError,
    TlsError,
    WrongClusterError,
)
from ..model.duration_text import duration_text
from ..model.identity import ClientIdentity

T = TypeVar("T")

_FIRST_S: Final = 0.25
_MOST_S: Final = 3.0

_FINAL: Final = (RefusedCredentialsError, TlsError, WrongClusterError)
"""What waiting does not change."""


class Attempts:
    """Paces the attempts of one connect.

    Args:
        wait_s: how long to try, in seconds; 0 for one attempt.
        identity: the client, for the log.
        clock: seconds on a monotonic clock.
        jitter: a random number from 0 to 1.
    """

    def __init__(
        self,
        wait_s: float,
        identity: ClientIdentity,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._wait_s = wait_s
        self._log = identity.log("aerospike_resilience.connection")
        self._clock = clock
        self._jitter = jitter
        self._started = clock()
        self._number = 0

    def pause_s(self, error: ConnectError) -> float:
        """Return how long to sleep before the next attempt, and log the last one.

        Raises:
            ConnectError: `error`, if there is no next attempt.
        """
        self._number += 1
        spent_s = self._clock() - self._started
        longest_s = min(_MOST_S, _FIRST_S * 2 ** (self._number - 1))
        pause_s: float = longest_s * (0.5 + self._jitter() / 2)
        if isinstance(error, _FINAL) or spent_s + pause_s >= self._wait_s:
            raise error
        said = "; ".join(f"{seed} {text}" for seed, text in error.said.items())
        self._log.warning(
            "waiting for the cluster: attempt %d failed after %s of %s: %s",
            self._number,
            duration_text(round(1000 * spent_s)),
            duration_text(round(1000 * self._wait_s)),
            said,
        )
        return pause_s


def until_connected(connect: Callable[[], T], attempts: Attempts) -> T:
    """Return what `connect` returns, once it does."""
    while True:
        try:
            return connect()
        except ConnectError as error:
            pause_s = attempts.pause_s(error)
        time.sleep(pause_s)


async def until_connected_async(connect: Callable[[], Awaitable[T]], attempts: Attempts) -> T:
    """Return what `connect` returns, once it does."""
    while True:
        try:
            return await connect()
        except ConnectError as error:
            pause_s = attempts.pause_s(error)
        await asyncio.sleep(pause_s)


class Reconnector:
    """Connects a client in the background that was returned before its cluster could be reached.

    For clients that do not do so themselves. It ends when the client is connected, closed or dropped.

    Args:
        wrapped: the wrapped client.
        identity: the client, for the log.
        every_s: how long to wait between two attempts, in seconds.
    """

    def __init__(self, wrapped: Any, identity: ClientIdentity, every_s: float) -> None:
        self._wrapped = weakref.ref(wrapped)
        self._log = identity.log("aerospike_resilience.connection")
        self._every_s = every_s
        self._ended = False
        self._woken = Wakeup()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in a thread. Where none can be started, the log says that the caller has to connect."""
        if threads.start(self._run, name="aerospike-resilience-reconnect") is None:
            self._log.error(
                "no thread can be started to connect in the background: call client.connect() yourself"
            )

    def start_async(self) -> None:
        """Begin, in a task of the running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run_async())

    def stop(self) -> None:
        """End. An attempt under way ends by itself."""
        self._ended = True
        self._woken.set()
        if self._task is not None:
            self._task.cancel()

    def _run(self) -> None:
        while not self._ended:
            self._woken.wait(self._every_s)
            client = self._wrapped()
            if client is None or self._ended:
                return
            with suppress(Exception):
                client.connect()
                if self._ended:
                    client.close()
                return
            del client

    async def _run_async(self) -> None:
        while not self._ended:
            await asyncio.sleep(self._every_s)
            client = self._wrapped()
            if client is None:
                return
            with suppress(Exception):
                await client.connect()
                return
            del client
