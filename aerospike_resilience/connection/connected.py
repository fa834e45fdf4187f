"""The types of connected clients, for type checkers: each client with what `connect()` adds to it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import aerospike
    import aerospike_native
    import aerospike_py
    import aerospike_sdk
    import aerospike_sdk.sync

    from ..wrapping.resilience import Resilience

    class _Blocking:
        resilience: Resilience

        def __enter__(self) -> Self: ...
        def __exit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None: ...
        def close(self, *, drain: str | float | None = None) -> None: ...

    class _Awaited:
        resilience: Resilience

        async def __aenter__(self) -> Self: ...
        async def __aexit__(
            self,
            kind: type[BaseException] | None,
            error: BaseException | None,
            trace: TracebackType | None,
        ) -> None: ...
        async def close(self, *, drain: str | float | None = None) -> None: ...

    class AerospikeClient(_Blocking, aerospike.Client):
        """`aerospike.Client`, connected and wrapped."""

    class AerospikePyClient(_Blocking, aerospike_py.Client):  # type: ignore[misc, unused-ignore]
        """`aerospike_py.Client`, connected and wrapped."""

    class AerospikePyAsyncClient(_Awaited, aerospike_py.AsyncClient):  # type: ignore[misc, unused-ignore]
        """`aerospike_py.AsyncClient`, connected and wrapped."""

    class NativeClient(_Blocking, aerospike_native.Client):  # type: ignore[misc, unused-ignore]
        """`aerospike_native.Client`, connected and wrapped, for calls without awaiting."""

        def close_blocking(self, *, drain: str | float | None = None) -> None:
            """Close it; with `drain`, after the calls under way have ended."""

    class AsyncNativeClient(_Awaited, aerospike_native.Client):  # type: ignore[misc, unused-ignore]
        """`aerospike_native.Client`, connected and wrapped, for awaited calls."""

    class SdkCluster(_Awaited, aerospike_sdk.Cluster):  # type: ignore[misc, unused-ignore]
        """`aerospike_sdk.Cluster`, connected and wrapped."""

    class SdkSyncCluster(_Blocking, aerospike_sdk.sync.Cluster):  # type: ignore[misc, unused-ignore]
        """`aerospike_sdk.sync.Cluster`, connected and wrapped."""
else:
    AerospikeClient = AerospikePyClient = AerospikePyAsyncClient = NativeClient = Any
    AsyncNativeClient = SdkCluster = SdkSyncCluster = Any
