"""Operations: the types for a client's operations, keys and nodes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from .statistics import ClientStatistics

Key: TypeAlias = Any
"""A record's key as the application writes it: ``(namespace, set, user key[, digest])``, or an object
of the client's own."""


Criticality: TypeAlias = Literal["critical", "default", "sheddable"]
"""How important it is that an operation is not refused under pressure, most important first."""


class Kind(enum.StrEnum):
    """What an operation does to the database."""

    READ = "read"
    WRITE = "write"
    INFO = "info"
    ADMIN = "admin"
    TXN = "txn"


_WRITE: Final = Kind.WRITE  # looking it up in its enumeration takes a frame on Python 3.11


class Shape(enum.StrEnum):
    """How much of the database one operation touches."""

    POINT = "point"
    BATCH = "batch"
    QUERY = "query"
    CLUSTER = "cluster"


POINT: Final = Shape.POINT  # as above
BATCH: Final = Shape.BATCH
QUERY: Final = Shape.QUERY


Idempotence: TypeAlias = Callable[[Mapping[str, Any]], bool]
"""Given a call's arguments by name: may it be sent again after it may have been applied?"""


def always(_arguments: Mapping[str, Any]) -> bool:
    """Idempotent whatever the arguments."""
    return True


def never(_arguments: Mapping[str, Any]) -> bool:
    """Not idempotent whatever the arguments."""
    return False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of a client: a row of its adapter's operation table.

    Attributes:
        name: its name in policy files and telemetry: the method's name on the client, or a common name of
            several methods with one meaning.
        method: the method's name, where it differs from `name`.
        kind: read, write, info, admin or transaction.
        shape: point, batch, query or cluster.
        family: the client's policy kind whose fields it takes (``read``, ``write``, ``batch`` …);
            empty where the method takes no policy.
        parameters: names of the parameters, in positional order.
        keywords: names of the parameters that are taken by keyword only.
        policy: the parameter that takes the policy; empty if there is none.
        key: the parameter that holds the record's key; empty if there is none.
        rows: the parameter that holds a batch's keys or records; empty if there is none.
        idempotent: decides from the arguments whether a second application changes nothing. A read is
            always idempotent.
        read_only: decides from the arguments whether a call of a writing method only reads
            (``operate`` made of reads); None where the kind alone decides it.
        decisive: returns what of the arguments decides `read_only` and `idempotent`, where that is cheaper
            than asking both; else None. It is given the arguments before the policy, by position.
        awaited: whether the method returns an awaitable.
        place: the parameters that hold a namespace and a set; empty names where there are none.
        procedure: the parameters that hold a UDF's module and its function; empty names without one.
        streams: whether its result is still being fetched when the method returns.
        retries_itself: decides from the arguments whether the caller asked the client itself to send
            failed rows again; None where it cannot.
    """

    name: str
    kind: Kind
    shape: Shape
    family: str = ""
    parameters: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    policy: str = ""
    key: str = ""
    rows: str = ""
    idempotent: Idempotence = field(default=never, repr=False)
    read_only: Idempotence | None = field(default=None, repr=False)
    decisive: Callable[..., Hashable] | None = field(default=None, repr=False)
    method: str = ""
    place: tuple[str, str] = ("", "")
    procedure: tuple[str, str] = ("", "")
    awaited: bool = False
    streams: bool = False
    retries_itself: Idempotence | None = field(default=None, repr=False)

    @property
    def attribute(self) -> str:
        """The method's name on the client."""
        return self.method or self.name

    @property
    def writes(self) -> bool:
        """Whether it may change a record."""
        return self.kind is _WRITE

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name. Of one given twice the first counts; the client refuses it."""
        return {**kwargs, **dict(zip(self.parameters, args, strict=False))}


class NodeAddress(NamedTuple):
    """A node as the client lists it."""

    name: str
    host: str
    port: int


class NotAskedError(Exception):
    """The client side did not send a question to a node.

    There was no free connection, the breaker was tripped, or the client was closing. It is no evidence
    about the node.
    """


class NodeSource(Protocol):
    """Lists and asks the nodes of one client's cluster.

    Attributes:
        stays_where_refused: whether the client tries a node that refuses connections again and again, and
            goes to no replica.
    """

    stays_where_refused: bool

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now. No I/O; empty when it knows none."""
        ...

    def statistics(self) -> ClientStatistics:
        """Return what the client tells of its connections and tries. No I/O."""
        ...

    def key(self, namespace: str, set_name: str, user_key: int) -> Key:
        """Return a key in the form this client takes. No I/O."""
        ...

    def partition(self, key: Key) -> tuple[str, int]:
        """Return the namespace and the partition of a record, 0 to 4095. No I/O.

        Raises:
            Exception: the key is invalid; the client's own error.
        """
        ...

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Send one node an info command and return the value of its answer.

        Raises:
            NotAskedError: the node was not asked.
            Exception: no answer within `timeout_s` seconds, or an error.
        """
        ...

    def refuses(self, node: str, timeout_s: float) -> bool:
        """Return whether a node refuses connections, where this client's questions do not show it."""
        ...

    def answers(
        self, nodes: Sequence[str], command: str, timeout_s: float
    ) -> dict[str, str | None]:
        """Send several nodes an info command.

        Returns:
            The answers by node name: None for a node that was not asked; a node that did not answer is
            left out.
        """
        ...

    def stop(self) -> None:
        """Start no more questions. Never waits."""
        ...

    def wait(self, patience_s: float) -> None:
        """Wait for questions under way, for at most that many seconds."""
        ...

    def pause(self) -> None:
        """Begin no more questions, and wait for those under way: the client will close or connect."""
        ...

    async def pause_async(self) -> None:
        """Do as `pause` does, without blocking the event loop."""
        ...

    def resume(self) -> None:
        """Allow questions again after `stop` or `pause`."""
        ...

    def read(self, node: str, key: Key, timeout_s: float) -> None:
        """Read one record's metadata from its master, in one try.

        A missing record is an answer, and so is a refusal to show it.

        Args:
            node: the name of the master. The client may have another map.
            key: the record's key.
            timeout_s: in seconds.

        Raises:
            NotAskedError: the node was not asked, or another one was.
            Exception: no answer within `timeout_s` seconds.
        """
        ...
