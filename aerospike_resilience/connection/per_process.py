"""`connect_per_process()`: each process gets a client of its own, connected at its first use."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from collections.abc import Generator, Mapping
from contextlib import suppress
from multiprocessing import util
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, Unpack, overload

from ..clients.connectors import connector
from ..concurrency import forking
from .connect import Definition, connect
from .job import job
from .options import ConnectOptions

if TYPE_CHECKING:
    from .connected import (
        AerospikeClient,
        AerospikePyAsyncClient,
        AerospikePyClient,
        AsyncNativeClient,
        NativeClient,
        SdkCluster,
        SdkSyncCluster,
    )

T = TypeVar("T")

_FIRST: Final = 100
"""A priority above 0: the client is closed before `multiprocessing` ends the child's own threads."""

_PARENTS: Final[list[Any]] = []
"""Clients that a parent process connected. A child never frees one, which would end the parent's
connections."""


class _PerProcess:
    """The arguments of a connect, and this process's client.

    Args:
        kind: the client, as `connect()` takes it.
        arguments: the positional arguments of `connect()`.
        options: its keyword arguments.
    """

    def __init__(self, kind: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> None:
        self._kind = kind
        self._arguments = arguments
        self._options = dict(options)
        self._client: Any = None
        self._connecting: Any = None
        self._lock = threading.RLock()
        forking.register(self)

    def after_fork(self) -> None:
        """Forget the parent's client."""
        _PARENTS.append((self._client, self._connecting))
        self._client = self._connecting = None
        self._lock = threading.RLock()

    def _close_at_exit(self) -> None:
        """Have this process's client closed when the process ends, however it was forked."""
        mine = weakref.ref(self)

        def close() -> None:
            found = mine()
            if found is not None:
                found._close()  # noqa: SLF001 - a method of this very class

        for package in (util, sys.modules.get("billiard.util")):
            if package is not None:
                package.Finalize(None, close, exitpriority=_FIRST)

    def _close(self) -> None:
        client, self._client, self._connecting = self._client, None, None
        if client is not None:
            found = connector(self._kind)
            with suppress(Exception):  # the process ends all the same
                found.discard(client) if found.awaited else client.close()

    def __repr__(self) -> str:
        state = "connected" if self._client is not None else "not used yet"
        return f"<{self._kind} client of process {os.getpid()}, {state}>"


class PerProcessClient(_PerProcess):
    """Stands for the process's client. Its first use connects; every attribute is the client's."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("_client", "_lock"):
            raise AttributeError(name)
        return getattr(self._connected(), name)

    def __enter__(self) -> Any:
        return self._connected()

    def __exit__(self, *error: object) -> None:
        self._close()

    def _connected(self) -> Any:
        if self._client is None:
            with self._lock:
                if self._client is None:
                    self._client = connect(*self._arguments, **self._options)
                    self._close_at_exit()
        return self._client


class AwaitedPerProcessClient(_PerProcess, Generic[T]):
    """Stands for the process's awaited client: ``client = await clients``; the first time connects."""

    def __await__(self) -> Generator[Any, None, T]:
        return self._connected().__await__()

    async def close(self) -> None:
        """Close the process's client, in its event loop."""
        client, self._client, self._connecting = self._client, None, None
        if client is not None:
            await client.close()

    async def _connected(self) -> T:
        if self._client is None:
            if self._connecting is None:
                self._connecting = asyncio.ensure_future(self._connect())
            try:
                await asyncio.shield(self._connecting)
            finally:
                if self._connecting is not None and self._connecting.done():
                    self._connecting = None
        found: T = self._client
        return found

    async def _connect(self) -> None:
        self._client = await connect(*self._arguments, **self._options)
        self._close_at_exit()


@overload
def connect_per_process(
    definition: Definition = ...,
    client: Literal["aerospike"] = ...,
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AerospikeClient: ...
@overload
def connect_per_process(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_py"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AerospikePyClient: ...
@overload
def connect_per_process(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_py.async"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AwaitedPerProcessClient[AerospikePyAsyncClient]: ...
@overload
def connect_per_process(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_native"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> NativeClient: ...
@overload
def connect_per_process(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_native.async"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AwaitedPerProcessClient[AsyncNativeClient]: ...
@overload
def connect_per_process(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_sdk"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AwaitedPerProcessClient[SdkCluster]: ...
@overload
def connect_per_process(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_sdk.sync"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> SdkSyncCluster: ...
def connect_per_process(
    definition: Any = None, client: Any = None, profile: Any = None, **options: Any
) -> Any:
    """Return what stands for one client a process, as pre-forking servers and workers need it.

    Nothing is connected here, so a parent process may call it before it forks. The first use in a process
    connects that process's client; the process's end closes it.

    Args:
        definition: as for `connect()`.
        client: as for `connect()`.
        profile: as for `connect()`.
        options: as for `connect()`.

    Returns:
        A stand-in with the client's methods. For an awaited client what is awaited for it:
        ``client = await clients``.

    Raises:
        Exception: what `connect()` raises before it connects.
    """
    checked = job(definition, client, profile, options, "connect_per_process")
    checked.planned()
    found = checked.connector
    stand_in = AwaitedPerProcessClient if found.awaited else PerProcessClient
    del definition
    own = {name: value for name, value in options.items() if name != "password_file"}
    return stand_in(found.kind, (checked.description, found.kind, checked.start.name), own)
