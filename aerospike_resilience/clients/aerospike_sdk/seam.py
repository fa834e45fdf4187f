"""The place where clusters and sessions of ``aerospike-sdk`` hold their native client.

It is a private attribute of the SDK. A version of the SDK that holds the client elsewhere is refused with
an error that says so. A proxy in this place is nothing new for the SDK, which puts one there itself for
clients by thread.
"""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

from ...errors import ClientClosedError, NotAClientError
from ..aerospike_native.package import native
from .behavior import ProfileBehavior

_TESTED = "1.0"

Scopes = Mapping[str, Mapping[str, Any]]


class _ProfileSeam:
    """A seam that gives sessions the profile as their behavior."""

    _behavior: ProfileBehavior | None = None

    def follow(self, scopes: Scopes) -> None:
        """Apply a reloaded profile."""
        if self._behavior is not None:
            self._behavior.follow(scopes)

    def _drop_behavior(self) -> None:
        if self._behavior is not None:
            self._behavior.drop()


class ClusterSeam(_ProfileSeam):
    """Wraps the native client of a cluster in place: the cluster stays the same object.

    Sessions that exist already hold the native client themselves and stay as they are.

    Args:
        cluster: a connected cluster.

    Attributes:
        target: the native client.

    Raises:
        ClientClosedError: the cluster is closed.
        NotAClientError: this version of the SDK holds its client elsewhere.
    """

    def __init__(self, cluster: Any) -> None:
        # Both hold us, and are freed with their last reference.
        self._cluster = weakref.ref(cluster)
        self.target = _native_of(cluster, "_sdk_client", "_client")
        self._sdk_client = weakref.ref(cluster._sdk_client)  # noqa: SLF001 - the seam

    def install(self, wrapped: Any, resilience: Any, name: str, scopes: Scopes) -> Any:
        """Put the wrapped native client into the cluster; return the cluster."""
        sdk_client: Any = self._sdk_client()
        cluster: Any = self._cluster()
        self._behavior = profile_behavior = ProfileBehavior(name, scopes)
        weakref.finalize(cluster, profile_behavior.drop).atexit = False
        own = self._cluster

        def with_profile(behavior: Any = None) -> Any:
            return _made(own(), sdk_client, "create_session", behavior or profile_behavior.behavior)

        def transaction_with_profile(behavior: Any = None) -> Any:
            return _made(own(), sdk_client, "transaction", behavior or profile_behavior.behavior)

        sdk_client._client = wrapped  # noqa: SLF001 - the seam
        cluster.create_session = with_profile
        cluster.transaction = transaction_with_profile
        cluster.resilience = resilience
        return cluster

    def remove(self) -> None:
        """Put the native client back into the cluster."""
        cluster, sdk_client = self._cluster(), self._sdk_client()
        if sdk_client is not None and sdk_client._client is not None:  # noqa: SLF001
            sdk_client._client = self.target  # noqa: SLF001
        if cluster is not None:
            for name in ("create_session", "transaction", "resilience"):
                vars(cluster).pop(name, None)
        self._drop_behavior()


class SessionSeam(_ProfileSeam):
    """Wraps the native client for a new session on the same cluster. Other sessions stay as they are.

    Args:
        session: a session of a connected cluster.

    Attributes:
        target: the native client.

    Raises:
        ClientClosedError: the session's cluster is closed.
        NotAClientError: this version of the SDK holds its client elsewhere.
    """

    def __init__(self, session: Any) -> None:
        self._session = session
        self.target = _native_of(session, "_client", "_client")

    def install(self, wrapped: Any, resilience: Any, name: str, scopes: Scopes) -> Any:
        """Return a session like the one given, over the wrapped native client.

        Its behavior has the profile's values, but for those that the session's own behavior decides. It is
        of the same class, and in the same transaction.
        """
        given = self._session
        own = None if given._behavior is type(given._behavior).DEFAULT else given._behavior  # noqa: SLF001
        self._behavior = ProfileBehavior(name, scopes, own)
        behavior = self._behavior.behavior
        made = _view(given._client, wrapped).create_session(behavior)  # noqa: SLF001 - the seam
        session = copy.copy(given)
        vars(session).update({**vars(made), "_txn": given._txn})  # noqa: SLF001
        behavior._register_session(session)  # noqa: SLF001 - so that it follows a reload
        session.resilience = resilience
        # A session has no close(): what stands for it elsewhere goes when it goes.
        weakref.finalize(session, self._behavior.drop).atexit = False
        return session

    def remove(self) -> None:
        """Remove the behavior. The application's own session never changed."""
        self._drop_behavior()


def _view(sdk_client: Any, wrapped: Any) -> Any:
    """Return a view of the SDK's client that has another native client.

    Everything else (caches, reloaded settings, lifecycle) is the original's.
    """
    cls: Any = type(sdk_client)
    view = _view_type(cls)()
    object.__setattr__(view, "_viewed", (sdk_client, wrapped))
    return view


@functools.cache
def _view_type(cls: Any) -> Any:
    """Return the class of views: one for all, as a class is freed by the garbage collector alone."""

    class View(cls):  # type: ignore[misc]
        def __init__(self) -> None:
            """Do nothing: there is nothing to connect."""

        def __getattribute__(self, name: str) -> Any:
            if name in ("create_session", "__class__"):
                return object.__getattribute__(self, name)
            sdk_client, wrapped = object.__getattribute__(self, "_viewed")
            if name in ("_client", "_async_client", "underlying_client"):
                return wrapped
            return getattr(sdk_client, name)

    View.__name__ = cls.__name__
    return View


def _made(cluster: Any, sdk_client: Any, method: str, behavior: Any) -> Any:
    """Call the cluster's own method; once the cluster is gone, that of what it stands on."""
    owner = sdk_client if cluster is None else type(cluster)
    call = getattr(owner, method)
    return call(behavior) if cluster is None else call(cluster, behavior)


def _native_of(owner: Any, *path: str) -> Any:
    found = owner
    for name in path:
        if not hasattr(found, name):
            raise NotAClientError(
                f"aerospike-sdk {version('aerospike-sdk')} does not hold its native client where "
                f"{_TESTED} does ({type(owner).__name__}.{'.'.join(path)}), so it cannot be protected; "
                f"install aerospike-sdk {_TESTED}, or wrap an aerospike_native.Client"
            )
        found = getattr(found, name)
    if found is None:
        raise ClientClosedError("the cluster is closed; wrap it while it is connected")
    if not isinstance(found, native().Client):
        raise NotAClientError(
            "this cluster has a native client for each thread (current_thread_runtime), which cannot be "
            "protected together; connect it without that"
        )
    return found
