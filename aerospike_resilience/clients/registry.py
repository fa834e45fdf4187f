"""Which adapter a client belongs to."""

from __future__ import annotations

from typing import Final

from ..errors import NotAClientError
from ..model.wording import shown, suggestion
from .aerospike import AerospikeAdapter
from .aerospike_native import AerospikeNativeAdapter
from .aerospike_py import AerospikePyAdapter, AerospikePyAsyncAdapter
from .aerospike_sdk import AerospikeSdkAdapter
from .contract import Adapter

ADAPTERS: Final[tuple[Adapter, ...]] = (
    AerospikeAdapter(),
    AerospikePyAdapter(),
    AerospikePyAsyncAdapter(),
    AerospikeNativeAdapter(),
    AerospikeSdkAdapter(),
)


def adapter_for(client: object) -> Adapter:
    """Return the adapter of a client.

    Raises:
        NotAClientError: no adapter recognises it.
    """
    for adapter in ADAPTERS:
        if adapter.recognises(client):
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
    for adapter in ADAPTERS:
        if adapter.name == name:
            return adapter
    known = [adapter.name for adapter in ADAPTERS]
    raise NotAClientError(f"no client is called {shown(name)}{suggestion(name, known)}")


def _names() -> str:
    return ", ".join(repr(adapter.name) for adapter in ADAPTERS)
