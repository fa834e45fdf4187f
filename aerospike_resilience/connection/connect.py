"""`connect()`: one description of a cluster, any client, connected and wrapped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Unpack, overload

from ..model.connection_explanation import ConnectionExplanation
from .client_config import ClientConfig
from .definition import ClusterDefinition
from .job import job
from .opening import Connecting
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

Definition: TypeAlias = ClusterDefinition | ClientConfig | Mapping[str, Any] | str | None
"""A cluster's description: a `ClusterDefinition`, a `ClientConfig`, a URL; None for the environment."""


@overload
def connect(
    definition: Definition = ...,
    client: Literal["aerospike"] = ...,
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AerospikeClient: ...
@overload
def connect(
    definition: Definition,
    client: Literal["aerospike_py"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AerospikePyClient: ...
@overload
def connect(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_py"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> AerospikePyClient: ...
@overload
def connect(
    definition: Definition,
    client: Literal["aerospike_py.async"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> Connecting[AerospikePyAsyncClient]: ...
@overload
def connect(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_py.async"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> Connecting[AerospikePyAsyncClient]: ...
@overload
def connect(
    definition: Definition,
    client: Literal["aerospike_native"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> NativeClient: ...
@overload
def connect(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_native"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> NativeClient: ...
@overload
def connect(
    definition: Definition,
    client: Literal["aerospike_native.async"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> Connecting[AsyncNativeClient]: ...
@overload
def connect(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_native.async"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> Connecting[AsyncNativeClient]: ...
@overload
def connect(
    definition: Definition,
    client: Literal["aerospike_sdk"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> Connecting[SdkCluster]: ...
@overload
def connect(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_sdk"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> Connecting[SdkCluster]: ...
@overload
def connect(
    definition: Definition,
    client: Literal["aerospike_sdk.sync"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> SdkSyncCluster: ...
@overload
def connect(
    definition: Definition = ...,
    *,
    client: Literal["aerospike_sdk.sync"],
    profile: str = ...,
    **options: Unpack[ConnectOptions],
) -> SdkSyncCluster: ...
def connect(definition: Any = None, client: Any = None, profile: Any = None, **options: Any) -> Any:
    """Connect to a cluster, and wrap the client.

    Args:
        definition: the cluster: a `ClusterDefinition`, a `ClientConfig`, or a URL such as
            ``aerospike://user@host1:3000,host2:3000/?cluster_name=shop``. None for ``AEROSPIKE_HOSTS`` and
            its companions in the environment.
        client: which client: ``aerospike``, ``aerospike_py``, ``aerospike_py.async``,
            ``aerospike_native``, ``aerospike_native.async``, ``aerospike_sdk`` or ``aerospike_sdk.sync``.
            None for the one that the URL or the environment names, else ``aerospike``.
        profile: the name of a policy file. None for the one that the URL or the environment names, else
            ``latency``.
        options: `ConnectOptions`; besides its first three, what `resilient()` takes.

    Returns:
        The connected, wrapped client, a context manager. For an awaited client what is awaited for it, or
        entered with ``async with``.

    Raises:
        ClientConfigError: the description cannot be used; nothing was sent. Also a `ValueError`.
        UnsupportedSettingError: a setting is beyond the client; nothing was sent. Also a `ValueError`.
        ConnectError: no seed could be used; its class says why. Also a `ConnectionError`.
        NotAClientError: there is no such client, or it is not installed. Also a `TypeError`.
        UnknownProfileError, PolicyFileError, TypeError, ValueError: as `resilient()` raises them.
    """
    checked = job(definition, client, profile, options)
    del definition  # it may hold a password, and this frame is shown where connecting fails
    plan = checked.planned()
    if checked.connector.awaited:
        return Connecting(lambda: checked.run_async(plan))
    return checked.run(plan)


def explain_connection(
    definition: Any = None, client: Any = None, profile: Any = None, **options: Any
) -> ConnectionExplanation:
    """Return how `connect()` would connect, without connecting: each setting, and what the client is given.

    Args:
        definition: as for `connect()`; or a client that `connect()` returned.
        client: as for `connect()`.
        profile: as for `connect()`.
        options: as for `connect()`.

    Raises:
        Exception: what `connect()` raises before it connects.
    """
    found = getattr(definition, "resilience", None)
    if found is not None:
        explained: ConnectionExplanation = found.explain_connection()
        return explained
    return job(definition, client, profile, options, "explain_connection").planned().explanation
