"""Storages: where nodes' states are kept for other workers, each in one of pybreaker's storages."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from ..concurrency import forking
from ..errors import ResilienceError
from ..model.operation import NodeAddress
from .breaker import CLOSED

if TYPE_CHECKING:
    import pybreaker
    import redis

REDIS_TIMEOUT_S: Final = 0.5
"""How long Redis may take to connect or answer, in seconds."""

StorageFactory: TypeAlias = "Callable[[str], pybreaker.CircuitBreakerStorage]"
"""Given a node's name, returns where its state is kept for other workers."""


class Storages(Protocol):
    """Where nodes' states are kept."""

    @property
    def where(self) -> str:
        """Whose storage it is, for people; without a password."""
        ...

    def of(self, node: NodeAddress) -> Any:
        """Return a node's storage."""
        ...

    def check(self) -> None:
        """Return if what was written and read since the last time was.

        Raises:
            Exception: it was not.
        """
        ...


class GivenStorages:
    """Storages of the application's own making."""

    where = "storage="

    def __init__(self, factory: StorageFactory) -> None:
        self._factory = factory
        self._made: dict[str, Any] = {}
        forking.register(self)

    def of(self, node: NodeAddress) -> Any:
        """Return what the application made for a node, made once."""
        if node.name not in self._made:
            self._made[node.name] = self._factory(node.name)
        return self._made[node.name]

    def check(self) -> None:
        """Do nothing: what fails raises."""

    def after_fork(self) -> None:
        """Have them made again."""
        self._made.clear()


class RedisStorages:
    """A `pybreaker.CircuitRedisStorage` for each node.

    That storage logs what Redis fails at, and goes on as if the node were closed. So failures are noticed
    below it.

    Args:
        url: ``redis://host:port/db``.

    Attributes:
        where: its host and port; the URL may hold a password, which is shown nowhere.

    Raises:
        ResilienceError: the package ``redis`` or ``pybreaker`` is not installed.
        ValueError: the URL is none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.where = f"{parts.hostname}:{parts.port or 6379}"
        self._url = url
        self._made: dict[NodeAddress, Any] = {}
        self._failures: list[Exception] = []
        self._redis = redis_client(url, self._failures)
        self._storage = _storage_class()
        forking.register(self)

    @property
    def plain(self) -> redis.Redis:
        """The same connections without notice of failures, for whoever sees them raised."""
        import redis

        return redis.Redis(connection_pool=self._redis.connection_pool)

    def of(self, node: NodeAddress) -> Any:
        """Return the storage of a node, by name and address: several clusters may share one Redis."""
        if node not in self._made:
            namespace = f"aerospike-resilience:{node.name}:{node.host}:{node.port}"
            self._made[node] = self._storage(CLOSED, self._redis, namespace)
        return self._made[node]

    def check(self) -> None:
        """Raise the first failure since the last time; ask Redis itself if there is none."""
        failures = list(self._failures)
        self._failures.clear()
        if failures:
            raise failures[0]
        self._redis.ping()

    def after_fork(self) -> None:
        """Connect anew: the parent goes on using its connections."""
        self._made.clear()
        self._failures.clear()
        self._redis = redis_client(self._url, self._failures)


def redis_client(url: str, failures: list[Exception]) -> redis.Redis:
    """Return a client of Redis.

    Args:
        url: ``redis://host:port/db``.
        failures: gets what fails, besides that it is raised.

    Raises:
        ResilienceError: the package ``redis`` is not installed.
        ValueError: the URL is none.
    """
    try:
        import redis
    except ImportError:
        raise _missing("redis") from None

    class Noticing(redis.Redis):
        def execute_command(self, *args: Any, **options: Any) -> Any:
            try:
                return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
            except redis.RedisError as error:
                failures.append(error)
                raise

        def transaction(self, *args: Any, **options: Any) -> Any:
            try:
                return super().transaction(*args, **options)
            except redis.RedisError as error:
                failures.append(error)
                raise

    return Noticing.from_url(
        url, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
    )


def _storage_class() -> type[pybreaker.CircuitRedisStorage]:
    try:
        from pybreaker import CircuitRedisStorage
    except ImportError:
        raise _missing("pybreaker") from None
    return CircuitRedisStorage


def _missing(package: str) -> ResilienceError:
    return ResilienceError(
        f"breaker.storage needs the package {package}: pip install 'aerospike-resilience[redis]'"
    )
