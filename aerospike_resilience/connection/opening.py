"""Opening: has a client connect, within the time it has, and asks the seeds where it does not."""

from __future__ import annotations

import asyncio
import contextvars
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Generic, TypeVar

from ..concurrency import threads
from ..concurrency.wakeup import Wakeup
from ..wrapping.being_connected import CREATING
from .mapping import ConnectionPlan
from .probe import Probes, Said
from .troubles import connect_error, peers_error

T = TypeVar("T")

_GRACE_S: Final = 0.25
"""How long a client's own exception is waited for, once no seed can be used."""

_LOGIN_S: Final = 5.0
"""The clients' own limit of a login."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long connecting may take, in seconds.

    Attributes:
        first_s: for one seed, and for all of them while none can be used.
        whole_s: where a seed can be used: each gets its time, and the login its own.
    """

    first_s: float
    whole_s: float

    @classmethod
    def of(cls, plan: ConnectionPlan) -> Limits:
        """Return the limits of a plan."""
        description = plan.description
        first_s = plan.values.get("timeout", plan.values.get("connect_timeout", 1000)) / 1000
        login_s = description.value("login_timeout", 1000 * _LOGIN_S) / 1000
        seeds = len(description.value("hosts"))
        return cls(first_s, first_s * (seeds + 2) + login_s)


def opened(plan: ConnectionPlan, *, again: bool = False) -> Any:
    """Return a blocking client, connected.

    Args:
        plan: how.
        again: whether the seeds that answered are first already.

    Raises:
        ConnectError: it could not be connected; of the class that says why.
        ClientConfigError: the password's file cannot be read.
    """
    connector, limits = plan.connector, Limits.of(plan)
    attempt = _Attempt(plan)
    started = time.monotonic()
    attempt.wait(limits.first_s / 2)
    if attempt.succeeded:
        return attempt.client
    probes = Probes(
        plan.description, max(started + limits.first_s, time.monotonic() + _GRACE_S / 2)
    )
    attempt.wait(started + limits.first_s - time.monotonic())
    if attempt.succeeded:
        return attempt.client
    said = probes.wait()
    if not attempt.ended:
        usable = any(one.usable for one in said.values())
        grace_s = limits.whole_s if usable else limits.first_s + min(_GRACE_S, limits.first_s / 2)
        attempt.wait(started + grace_s - time.monotonic())
    client = attempt.abandon()
    if client is not None:
        return client
    if not again and (sorted_plan := _usable_first(plan, said, attempt.error)):
        return opened(sorted_plan, again=True)
    raise connect_error(
        connector, plan.description, attempt.error, said, time.monotonic() - started
    )


class _Attempt:
    """A client that connects in a thread of its own, as some do not keep to their own limit.

    Where no thread can be started, it connects in the caller's, within the client's own limit.

    Either the caller gets the client or, once it has given up, the thread closes it. Who settles that
    first settles it for both. Each step on the dictionary is one of C, so it takes no lock: a signal
    handler or a fork may meet it at any time.

    Attributes:
        error: why the client could not connect; None while that is open, and if it could.
        ended: whether the client has connected, or cannot.
    """

    def __init__(self, plan: ConnectionPlan) -> None:
        self._connector = plan.connector
        self._arguments = plan.with_password_of_now()
        self._settled: dict[str, Any] = {}
        self._woken = Wakeup()
        self.error: BaseException | None = None
        self.ended = False
        context = contextvars.copy_context()
        name = "aerospike-resilience-connect"
        if threads.start(context.run, self._run, name=name) is None:
            context.run(self._run)

    @property
    def client(self) -> Any:
        """The client, connected; None if there is none, or not yet."""
        return self._settled.get("client")

    @property
    def succeeded(self) -> bool:
        return self.client is not None

    def wait(self, for_s: float) -> None:
        try:
            if not self.ended:
                self._woken.wait(for_s)
        except BaseException:  # an interrupt
            self._close(self.abandon())
            raise

    def abandon(self) -> Any:
        """Have a client that connects later closed; return it if it has connected already."""
        return self._settled.setdefault("client", None)

    def _run(self) -> None:
        CREATING.set(True)
        try:
            client = self._connector.open(self._arguments)
        except BaseException as error:  # noqa: BLE001 - a Rust panic is none of Exception
            self.error = error
        else:
            if self._settled.setdefault("client", client) is not client:
                self._close(client)
        self.ended = True
        self._woken.set()

    def _close(self, client: Any) -> None:
        if client is not None:
            self._connector.discard(client)


async def opened_async(plan: ConnectionPlan, *, again: bool = False) -> Any:
    """Return an awaited client, connected.

    Args:
        plan: how.
        again: whether the seeds that answered are first already.

    Raises:
        ConnectError: it could not be connected; of the class that says why.
        ClientConfigError: the password's file cannot be read.
    """
    connector, limits = plan.connector, Limits.of(plan)
    arguments = plan.with_password_of_now()
    started = time.monotonic()
    task = asyncio.get_running_loop().create_task(_creating(connector.open_async(arguments)))

    async def wait(for_s: float) -> None:
        await asyncio.wait({task}, timeout=max(0.0, for_s))

    def succeeded() -> bool:
        return task.done() and not task.cancelled() and task.exception() is None

    try:
        await wait(limits.first_s / 2)
        if succeeded():
            return task.result()
        until = max(started + limits.first_s, time.monotonic() + _GRACE_S / 2)
        probes = Probes(plan.description, until)
        await wait(started + limits.first_s - time.monotonic())
        if succeeded():
            return task.result()
        said = await asyncio.to_thread(probes.wait)
        if not task.done():
            usable = any(one.usable for one in said.values())
            grace_s = (
                limits.whole_s if usable else limits.first_s + min(_GRACE_S, limits.first_s / 2)
            )
            await wait(started + grace_s - time.monotonic())
        if succeeded():
            return task.result()
        error = task.exception() if task.done() and not task.cancelled() else None
        waited_s = time.monotonic() - started
    except BaseException:
        _abandon(task, connector)
        raise
    _abandon(task, connector)
    if not again and (sorted_plan := _usable_first(plan, said, error)):
        return await opened_async(sorted_plan, again=True)
    raise connect_error(connector, plan.description, error, said, waited_s)


def _usable_first(
    plan: ConnectionPlan, said: Mapping[str, Said], error: BaseException | None
) -> ConnectionPlan | None:
    """Return the plan with the seeds first that answered; None where that would not help.

    A client may spend its whole time on a seed that does not answer, and never ask the next one.
    """
    if error is None or plan.connector.trouble(error):
        return None
    hosts = plan.description.value("hosts")
    usable = [host for host in hosts if said[host.address].usable]
    if not usable or len(usable) == len(hosts):
        return None
    return plan.with_hosts((*usable, *(host for host in hosts if host not in usable)))


_PEER: Final = re.compile(r"\[[^\[\],]*,[^\[\],]*,\[([^\]]*)\]")
"""A node in the answer to ``peers-…``: its name, its TLS name, and its addresses."""

_POLL_S: Final = 0.02


def reach_peers(plan: ConnectionPlan, client: Any) -> None:
    """Return once a client knows a node besides its seed, if its cluster has any.

    Raises:
        UnreachableClusterError: its cluster has other nodes, and none can be reached.
    """
    connector = plan.connector
    if not _wants_peers(plan, client):
        return
    peers = _addresses(connector.info(client, _peers_command(plan)))
    started, until = time.monotonic(), time.monotonic() + Limits.of(plan).first_s
    while peers and connector.node_count(client) == 1:
        if time.monotonic() >= until:
            raise peers_error(connector, plan.description, peers, time.monotonic() - started)
        time.sleep(_POLL_S)


async def reach_peers_async(plan: ConnectionPlan, client: Any) -> None:
    """Do as `reach_peers` does."""
    connector = plan.connector
    if not _wants_peers(plan, client):
        return
    peers = _addresses(await connector.info(client, _peers_command(plan)))
    started, until = time.monotonic(), time.monotonic() + Limits.of(plan).first_s
    while peers and connector.node_count(client) == 1:
        if time.monotonic() >= until:
            raise peers_error(connector, plan.description, peers, time.monotonic() - started)
        await asyncio.sleep(_POLL_S)


def _wants_peers(plan: ConnectionPlan, client: Any) -> bool:
    description = plan.description
    return not description.value("force_single_node") and plan.connector.node_count(client) == 1


def _peers_command(plan: ConnectionPlan) -> str:
    """Return the info command by which the client learns of the other nodes."""
    description = plan.description
    tls = description.value("tls") and not description.value("for_login_only")
    which = "alt" if plan.values.get("use_services_alternate") else "std"
    return f"peers-{'tls' if tls else 'clear'}-{which}"


def _addresses(answer: str) -> str:
    return ", ".join(found for found in _PEER.findall(answer) if found)


async def _creating(opening: Awaitable[T]) -> T:
    CREATING.set(True)  # in the task's own context
    return await opening


def _abandon(task: asyncio.Task[Any], connector: Any) -> None:
    """Have the client closed that a task connects later."""

    def close(done: asyncio.Task[Any]) -> None:
        if not done.cancelled() and done.exception() is None:
            loop = done.get_loop()
            if not loop.is_closed():
                closing = loop.create_task(connector.discard_async(done.result()))
                _CLOSING.add(closing)
                closing.add_done_callback(_CLOSING.discard)

    task.add_done_callback(close)


_CLOSING: Final[set[asyncio.Task[Any]]] = set()


class Connecting(Generic[T]):
    """A connect that is awaited: ``client = await connect(…)``, or ``async with connect(…) as client``."""

    __slots__ = ("_client", "_connect")

    def __init__(self, connect: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._connect = connect
        self._client: Any = None

    def __await__(self) -> Generator[Any, None, T]:
        return self._connect().__await__()

    async def __aenter__(self) -> T:
        self._client = client = await self._connect()
        return client

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.close()
