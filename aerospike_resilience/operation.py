"""The words for what a client can do: keys, kinds and shapes of operations, and nodes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

Key: TypeAlias = tuple[Any, ...]
"""A record's key as the application writes it: ``(namespace, set, user key[, digest])``."""


Criticality: TypeAlias = Literal["critical", "default", "sheddable"]
"""How much the application minds that an operation is refused under pressure, most first."""


class Kind(enum.StrEnum):
    """What an operation does to the database."""

    READ = "read"
    WRITE = "write"
    INFO = "info"
    ADMIN = "admin"
    TXN = "txn"


class Shape(enum.StrEnum):
    """How much of the database one operation touches."""

    POINT = "point"
    BATCH = "batch"
    QUERY = "query"
    CLUSTER = "cluster"


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
        name: the method's name on the client.
        kind: read, write, info, admin or transaction.
        shape: point, batch, query or cluster.
        family: the client's policy kind whose fields it takes (``read``, ``write``, ``batch`` …);
            empty where the method takes no policy.
        parameters: names of the parameters, in positional order.
        policy: the parameter that takes the policy; empty if there is none.
        key: the parameter that holds the record's key; empty if there is none.
        rows: the parameter that holds a batch's keys or records; empty if there is none.
        idempotent: decides from the arguments whether a second application changes nothing.
            A read is idempotent by its kind.
        read_only: decides from the arguments whether a call of a writing method only reads
            (``operate`` made of reads); None where the kind alone says it.
    """

    name: str
    kind: Kind
    shape: Shape
    family: str = ""
    parameters: tuple[str, ...] = ()
    policy: str = ""
    key: str = ""
    rows: str = ""
    idempotent: Idempotence = field(default=never, repr=False)
    read_only: Idempotence | None = field(default=None, repr=False)

    @property
    def writes(self) -> bool:
        """Whether it may change a record."""
        return self.kind is Kind.WRITE

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments by name; the first of a doubled one counts (the client refuses it)."""
        return {**kwargs, **dict(zip(self.parameters, args, strict=False))}


class NodeAddress(NamedTuple):
    """A node as the client lists it."""

    name: str
    host: str
    port: int


class NodeSource(Protocol):
    """One client's view of its cluster."""

    def nodes(self) -> Sequence[NodeAddress]:
        """Return the nodes the client knows now. No I/O; empty when it knows none."""
        ...

    def partition_id(self, key: Key) -> int:
        """Return the partition of a record, 0 to 4095. No I/O.

        Raises:
            Exception: the key is no key; whatever the client raises for it.
        """
        ...

    def info(self, node: str, command: str, timeout_s: float) -> str:
        """Ask one node an info command and return the value of its answer.

        Raises:
            Exception: no answer within `timeout_s` seconds, or an error.
        """
        ...

    def read(self, key: Key, timeout_s: float) -> None:
        """Read one record's metadata from its master, in one try. A missing record is an answer.

        Raises:
            Exception: no answer within `timeout_s` seconds.
        """
        ...
