"""Seven ways to use Aerospike from Python as services do: in their default configuration, bare or wrapped.

A way is a read and a write of one record by number. The bare client gets the same ``total_timeout`` as the
profile it is compared with, and nothing else.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple

from aerospike_resilience import resilient

NAMESPACE, SET = "test", "load"
RECORDS: Final = 2000
BINS: Final = {"n": 1, "text": "x" * 50}

BLOCKING: Final = ("aerospike", "aerospike-py", "aerospike-native", "aerospike-sdk")
AWAITED: Final = (
    "aerospike-py (awaited)",
    "aerospike-native (awaited)",
    "aerospike-sdk (awaited)",
)

_numbers = itertools.count()


class Surface(NamedTuple):
    """A way to use a client.

    Attributes:
        get: reads a record; awaited where the client is.
        put: writes it.
        close: closes the client.
    """

    get: Callable[[int], Any]
    put: Callable[[int], Any]
    close: Callable[[], Any]


class Wanted(NamedTuple):
    """How to connect.

    Attributes:
        hosts: seeds.
        profile: the profile to wrap with; empty for the bare client.
        totals_ms: the bare client's ``total_timeout`` of a read and of a write, in milliseconds.
        tend_ms: how often the client tends, in milliseconds; 0 for its own default.
        overrides: the application's own settings over the profile.
        tend_timeout_ms: how long a request of a tend may take, in milliseconds; 0 for the client's default.
    """

    hosts: Sequence[tuple[str, int]]
    profile: str = ""
    totals_ms: tuple[int, int] = (250, 250)
    tend_ms: int = 0
    overrides: dict[str, Any] | None = None
    tend_timeout_ms: int = 0

    def wrap(self, client: Any) -> Any:
        """Wrap a client, if that is wanted."""
        if not self.profile:
            return client
        return resilient(client, self.profile, overrides=self.overrides)

    def config(self, tend_timeout: str) -> dict[str, Any]:
        """Return the configuration of a client that takes a dictionary: as it comes, but for its tends.

        Args:
            tend_timeout: what this client calls the time that a request of a tend may take.
        """
        tends = {"tend_interval": self.tend_ms, tend_timeout: self.tend_timeout_ms}
        return {"hosts": list(self.hosts), **{name: ms for name, ms in tends.items() if ms}}

    @property
    def seeds(self) -> str:
        """The seeds as text."""
        return ",".join(f"{host}:{port}" for host, port in self.hosts)


def connect(client: str, wanted: Wanted) -> Surface:
    """Connect a client whose methods block."""
    return _BLOCKING[client](wanted)


async def connect_async(client: str, wanted: Wanted) -> Surface:
    """Connect a client whose methods are awaited."""
    return await _AWAITED[client](wanted)


def _c_client(wanted: Wanted) -> Surface:
    import aerospike

    client = wanted.wrap(aerospike.client(wanted.config("connect_timeout")))
    return _by_dictionary(client, wanted)


def _py(wanted: Wanted) -> Surface:
    import aerospike_py

    return _by_dictionary(
        wanted.wrap(aerospike_py.client(wanted.config("timeout")).connect()), wanted
    )


async def _py_async(wanted: Wanted) -> Surface:
    import aerospike_py

    client = aerospike_py.AsyncClient(wanted.config("timeout"))
    await client.connect()
    return _by_dictionary(wanted.wrap(client), wanted)


def _by_dictionary(client: Any, wanted: Wanted) -> Surface:
    keys = [(NAMESPACE, SET, number) for number in range(RECORDS)]
    reads, writes = (
        {} if wanted.profile else {"policy": {"total_timeout": ms}} for ms in wanted.totals_ms
    )
    return Surface(
        lambda number: client.get(keys[number], **reads),
        lambda number: client.put(keys[number], BINS, **writes),
        client.close,
    )


def _native(wanted: Wanted) -> Surface:
    native = importlib.import_module("aerospike_native")
    client = wanted.wrap(native.new_client_blocking(_native_policy(wanted), wanted.seeds))
    return _by_objects(client.get_blocking, client.put_blocking, client.close_blocking, wanted)


async def _native_async(wanted: Wanted) -> Surface:
    native = importlib.import_module("aerospike_native")
    client = wanted.wrap(await native.new_client(_native_policy(wanted), wanted.seeds))
    return _by_objects(client.get, client.put, client.close, wanted)


def _native_policy(wanted: Wanted) -> Any:
    policy = importlib.import_module("aerospike_native").ClientPolicy()
    if wanted.tend_ms:
        policy.tend_interval = wanted.tend_ms
    if wanted.tend_timeout_ms:
        policy.timeout = wanted.tend_timeout_ms
    return policy


def _by_objects(
    get: Callable[..., Any],
    put: Callable[..., Any],
    close: Callable[[], Any],
    wanted: Wanted,
) -> Surface:
    native = importlib.import_module("aerospike_native")
    keys = [native.Key(NAMESPACE, SET, number) for number in range(RECORDS)]
    reading, writing = native.ReadPolicy(), native.WritePolicy()
    reading.total_timeout, writing.total_timeout = wanted.totals_ms
    reads, writes = ({}, {}) if wanted.profile else ({"policy": reading}, {"policy": writing})
    return Surface(
        lambda number: get(keys[number], **reads),
        lambda number: put(keys[number], BINS, **writes),
        close,
    )


def _sdk(wanted: Wanted) -> Surface:
    cluster = wanted.wrap(_definition("aerospike_sdk.sync", wanted).connect())
    return _session(cluster, wanted)


async def _sdk_async(wanted: Wanted) -> Surface:
    cluster = wanted.wrap(await _definition("aerospike_sdk", wanted).connect())
    return _session(cluster, wanted)


def _definition(package: str, wanted: Wanted) -> Any:
    sdk = importlib.import_module(package)
    host = importlib.import_module("aerospike_sdk").Host
    definition = sdk.ClusterDefinition(hosts=[host(name, port) for name, port in wanted.hosts])
    tends = {"tend_interval": wanted.tend_ms, "tend_timeout": wanted.tend_timeout_ms}
    chosen = {name: timedelta(milliseconds=ms) for name, ms in tends.items() if ms}
    if chosen:
        settings = importlib.import_module("aerospike_sdk.policy.system_settings").SystemSettings
        definition = definition.with_system_settings(settings(**chosen))
    return definition


def _session(cluster: Any, wanted: Wanted) -> Surface:
    sdk = importlib.import_module("aerospike_sdk")
    records = sdk.DataSet.of(NAMESPACE, SET)
    keys = [records.id(number) for number in range(RECORDS)]
    behavior = None
    if not wanted.profile:
        settings = importlib.import_module("aerospike_sdk.policy.behavior_settings").Settings
        reads, writes = (
            settings(total_timeout=timedelta(milliseconds=ms)) for ms in wanted.totals_ms
        )
        behavior = sdk.Behavior.DEFAULT.derive_with_changes(
            f"bare-{next(_numbers)}", reads=reads, writes=writes
        )
    session = cluster.create_session(behavior)
    return Surface(
        lambda number: session.get(keys[number]),
        lambda number: session.put(keys[number], BINS),
        cluster.close,
    )


_BLOCKING: Final[dict[str, Callable[[Wanted], Surface]]] = {
    "aerospike": _c_client,
    "aerospike-py": _py,
    "aerospike-native": _native,
    "aerospike-sdk": _sdk,
}
_AWAITED: Final[dict[str, Callable[[Wanted], Awaitable[Surface]]]] = {
    "aerospike-py (awaited)": _py_async,
    "aerospike-native (awaited)": _native_async,
    "aerospike-sdk (awaited)": _sdk_async,
}
