"""What an adapter answers about operations: which methods there are, and how to call them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ...model.operation import Operation
from ...model.plan import Send
from ..shared.statement import BuilderCalls

if TYPE_CHECKING:
    from .adapter import Adapter


@dataclass(frozen=True, slots=True)
class LazyMethod:
    """A method that returns an object which touches the database later (a query, a scan).

    Attributes:
        executing: the operation behind each method of that object that touches the database.
        callback: the parameter of those methods that takes an application's callback; empty if none does.
    """

    executing: Mapping[str, Operation] = field(default_factory=dict)
    callback: str = ""


SlotSender: TypeAlias = Callable[..., None]
"""Makes a call: ``send(slot, policy, policy_sc, *positional arguments)``. The client calls the slot's
``set_result`` or ``set_exception`` in the thread of the event loop."""


@dataclass(frozen=True, slots=True)
class CoalescedMethod:
    """A method that makes many calls of one operation in one crossing to the client.

    Attributes:
        operation: the method that one of its calls would be.
        parameters: names of its positional parameters.
        calls: turns its arguments by name into the positional arguments of each call; raises where the
            client is about to refuse them.
        submit: makes calls together. Takes the client, the calls, a future for each, and a native policy.
        completes_futures: True if it completes the futures it is given and returns nothing; False if it
            returns the results in order, and how many failed.
    """

    operation: str
    parameters: tuple[str, ...]
    calls: Callable[[Mapping[str, Any]], list[tuple[Any, ...]]]
    submit: Callable[[Any, Sequence[tuple[Any, ...]], Sequence[Any], Any], None]
    completes_futures: bool


class OperationAnswers(Protocol):
    """The methods of a client that touch the database."""

    operations: Mapping[str, Operation]
    """Every method that touches the database, by name."""

    lazy: Mapping[str, LazyMethod]
    """Every method that returns an object which touches the database later, by name."""

    coalesced_methods: Mapping[str, CoalescedMethod]
    """Every method that makes many calls of another method, by name."""

    returns_futures: bool
    """Whether an awaited method begins at once and returns a future, and not a coroutine."""

    outlives_cancellation: bool
    """Whether an awaited call goes on after its cancellation and keeps its connection."""

    def place(self, key: object) -> tuple[str, str] | None:
        """Return the namespace and the set that a key names; None if it is no key."""
        ...

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call behind a method of the client, or behind one of a lazy object."""
        ...

    def policy_keywords(self, operation: Operation) -> tuple[str, ...]:
        """Return the parameters under which `sender` passes its policy; none if it does more than that."""
        ...

    def slot_sender(self, client: Any, operation: Operation) -> SlotSender | None:
        """Return how to make one call without a future of the client's; None if there is no such way."""
        ...

    def target(self, operation: Operation, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the namespace and the set that arguments other than keys name; either may be empty.

        None where the arguments name neither.
        """
        ...

    def statement(self, operation: Operation, arguments: Mapping[str, Any]) -> str:
        """Return the text of the query that a call makes, without values; empty if it makes none."""
        ...

    def lazy_place(
        self, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[str, str] | None:
        """Return the namespace and the set that a lazy object was created with; None if they are none."""
        ...

    def lazy_statement(self, created_with: Sequence[Any], builder_calls: BuilderCalls) -> str:
        """Return the text of the query that a lazy object makes, without values.

        Args:
            created_with: the arguments that the object was created with.
            builder_calls: the calls of its builders since then.
        """
        ...


def every_operation(adapter: Adapter) -> dict[str, Operation]:
    """Return every operation of a client by name, with those of queries and scans."""
    lazy = (one for method in adapter.lazy.values() for one in method.executing.values())
    return {**adapter.operations, **{operation.name: operation for operation in lazy}}
