"""Which adapter a client belongs to. An adapter is loaded when a client of its package is looked at."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Sequence
from typing import Final, NamedTuple, cast, overload

from ..errors import NotAClientError
from ..model.wording import shown, suggestion
from .contract import Adapter


class _Home(NamedTuple):
    """Where an adapter is found, and the package whose clients it is for."""

    package: str
    room: str
    class_name: str


_HOMES: Final = {
    "aerospike": _Home("aerospike", ".aerospike", "AerospikeAdapter"),
    "aerospike-py": _Home("aerospike_py", ".aerospike_py", "AerospikePyAdapter"),
    "aerospike-py-async": _Home("aerospike_py", ".aerospike_py", "AerospikePyAsyncAdapter"),
    "aerospike-native": _Home("aerospike_native", ".aerospike_native", "AerospikeNativeAdapter"),
    "aerospike-sdk": _Home("aerospike_sdk", ".aerospike_sdk", "AerospikeSdkAdapter"),
}
"""By the adapter's name, in the order in which they are asked."""

PACKAGES: Final = tuple(dict.fromkeys(home.package for home in _HOMES.values()))
"""The packages that have clients."""


class _Adapters(Sequence[Adapter]):
    """Every adapter. They are loaded when they are looked at."""

    def __len__(self) -> int:
        return len(_HOMES)

    @overload
    def __getitem__(self, index: int) -> Adapter: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Adapter, ...]: ...
    def __getitem__(self, index: int | slice) -> Adapter | tuple[Adapter, ...]:
        return tuple(map(_adapter, _HOMES))[index]


ADAPTERS: Final[Sequence[Adapter]] = _Adapters()


_MOCK: Final = (
    "this is a mock of {0}, and what a mock answers is made up, so it cannot be wrapped; wrap a client of "
    "an embedded cluster (aerospike_resilience.testing.LocalCluster), or a stand-in of your own that "
    "answers as {0} does with adapter={1!r}, or give the mock itself to the code under test"
)


def _is_mock(client: object) -> bool:
    return any(
        cls.__module__ in ("unittest.mock", "mock.mock", "mock") and cls.__name__.endswith("Mock")
        for cls in type(client).__mro__
    )


def adapter_for(client: object) -> Adapter:
    """Return the adapter of a client.

    Raises:
        NotAClientError: no adapter recognises it.
    """
    named = {cls.__module__.partition(".")[0] for cls in client.__class__.__mro__}
    for name, home in _HOMES.items():
        # Where nobody imported the package and no class says that it is of it, this is not its client.
        if home.package in sys.modules or home.package in named:
            adapter = _adapter(name)
            if adapter.recognises(client):
                if _is_mock(client):
                    raise NotAClientError(_MOCK.format(client.__class__.__name__, adapter.name))
                return adapter
    given = f"{type(client).__module__}.{type(client).__qualname__}"
    hint = " (the class itself; give an instance)" if isinstance(client, type) else ""
    raise NotAClientError(
        f"resilient() takes a client of {_names()}; got {given}{hint}. "
        "A stand-in with the same methods can be wrapped with adapter=<name>."
    )


def adapter_named(name: str) -> Adapter:
    """Return an adapter by name.

    Raises:
        NotAClientError: there is none of that name.
    """
    if name not in _HOMES:
        raise NotAClientError(f"no client is called {shown(name)}{suggestion(name, list(_HOMES))}")
    return _adapter(name)


@functools.cache
def _adapter(name: str) -> Adapter:
    home = _HOMES[name]
    room = importlib.import_module(home.room, __package__)
    return cast("Adapter", getattr(room, home.class_name)())


def _names() -> str:
    return ", ".join(map(repr, _HOMES))
