"""What an adapter is: everything the house needs to know of one client, behind one seam."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from ..errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..model.failure import Failure
from ..model.identity import ClientIdentity
from ..model.operation import NodeSource, Operation
from ..model.plan import Send
from ..model.rows import ExpectedWrite, Rows
from .shared.statement import Built


class Refusals(NamedTuple):
    """Our errors combined with the client's own classes for the same case."""

    circuit_open: type[CircuitOpenError]
    backpressure: type[BackpressureError]
    deadline: type[DeadlineExceededError]

    def of_client(self, identity: ClientIdentity) -> ClientRefusals:
        """Return what makes these errors with a client's name in message and attributes."""
        return ClientRefusals(
            functools.partial(identity.error, self.circuit_open),
            functools.partial(identity.error, self.backpressure),
            functools.partial(identity.error, self.deadline),
        )


class ClientRefusals(NamedTuple):
    """What makes our errors for one client: called with a message and the error's attributes."""

    circuit_open: Callable[..., CircuitOpenError]
    backpressure: Callable[..., BackpressureError]
    deadline: Callable[..., DeadlineExceededError]


@dataclass(frozen=True, slots=True)
class LazyMethod:
    """A method that returns an object which touches the database later (a query, a scan).

    Attributes:
        executing: the operation behind each method of that object that touches the database.
        callback: the parameter of those methods that takes an application's callback.
    """

    executing: Mapping[str, Operation] = field(default_factory=dict)
    callback: str = ""


@dataclass(frozen=True, slots=True)
class CoalescedMethod:
    """A method that makes many calls of one operation in one crossing to the client.

    Attributes:
        operation: the method that one of its calls would be.
        parameters: names of its positional parameters.
        calls: from its arguments by name to the positional arguments of each call.
        submit: makes calls together: client, calls, a future for each, native policy.
        completes_futures: whether it completes the futures it is given and returns nothing, or returns
            the results in order and how many failed.
    """

    operation: str
    parameters: tuple[str, ...]
    calls: Callable[[Mapping[str, Any]], list[tuple[Any, ...]]]
    submit: Callable[[Any, Sequence[tuple[Any, ...]], Sequence[Any], Any], None]
    completes_futures: bool


class Seam(Protocol):
    """The place below an application's object where the client that does the work is held."""

    target: Any
    """The client that does the work."""

    def install(
        self, wrapped: Any, resilience: Any, name: str, scopes: Mapping[str, Mapping[str, Any]]
    ) -> Any:
        """Put a wrapped client in its place; return what the application is to use.

        Args:
            wrapped: the wrapped client.
            resilience: what its attribute ``resilience`` is to be.
            name: a name for the profile, for objects that carry it.
            scopes: the profile's policy fields by scope (``reads_point`` …).
        """
        ...

    def follow(self, scopes: Mapping[str, Mapping[str, Any]]) -> None:
        """Take over a reloaded profile."""
        ...

    def remove(self) -> None:
        """Undo `install`, as far as it changed what the application gave."""
        ...


@dataclass(frozen=True, slots=True)
class Creation:
    """A way to create a client, for wrapping every client that a process creates.

    Attributes:
        module: the module that holds it.
        attribute: its name there; ``Class.__init__`` for a class whose instances are wrapped in place.
        how: what it is: a ``class``, a ``function``, an ``awaitable`` function, an ``init``; or ``bare``
            for a name that must go on creating bare clients, as another creation wraps what they serve.
        hosts: from its arguments to the hosts that the client is for, as ``host:port``.
    """

    module: str
    attribute: str
    how: Literal["class", "function", "awaitable", "init", "bare"]
    hosts: Callable[[tuple[Any, ...], Mapping[str, Any]], list[str]] = lambda _args, _kwargs: []


PolicyIsProfiles: TypeAlias = Callable[[Operation, Mapping[str, Any]], bool]
"""Whether keyword arguments are nothing but policies that only the profile has shaped."""


class NativeConfig(Protocol):
    """A client's own dynamic configuration, which overrides policies, those of calls included."""

    def overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields it decides now, by family, in a policy file's words. Asks no node."""
        ...

    def unclear(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the fields of which the client does not say whether it or the application decides."""
        ...

    def behaviors(self) -> tuple[str, ...]:
        """Return the names of what it configures for some sessions alone, which then go by that."""
        ...

    def of_behavior(self, name: str, operation: Operation, *, retryable: bool) -> Mapping[str, Any]:
        """Return the fields that one of `behaviors` decides for an operation, in a policy file's words.

        Args:
            name: the behavior.
            operation: the method.
            retryable: whether it may be sent again.
        """
        ...


class NoNativeConfig:
    """A client that has none."""

    def overrides(self) -> Mapping[str, Mapping[str, Any]]:
        """Return nothing."""
        return {}

    def unclear(self) -> Mapping[str, Mapping[str, Any]]:
        """Return nothing."""
        return {}

    def behaviors(self) -> tuple[str, ...]:
        """Return nothing."""
        return ()

    def of_behavior(
        self,
        name: str,  # noqa: ARG002
        operation: Operation,  # noqa: ARG002
        *,
        retryable: bool,  # noqa: ARG002
    ) -> Mapping[str, Any]:
        """Return nothing."""
        return {}


class Adapter(Protocol):
    """One client: its operations, its policies, its failures, its nodes."""

    name: str
    """The distribution's name, as ``--client`` takes it."""

    returns_futures: bool
    """Whether its awaited methods begin at once and return a future, and not a coroutine."""

    outlives_cancellation: bool
    """Whether an awaited call goes on after its cancellation, and its connection with it."""

    operations: Mapping[str, Operation]
    """Every method that touches the database, by name."""

    lazy: Mapping[str, LazyMethod]
    """Every method that returns an object which does so later, by name."""

    creations: tuple[Creation, ...]
    """Every way to create such a client."""

    coalesced_methods: Mapping[str, CoalescedMethod]
    """Every method that fuses calls of another, by name."""

    reads_back: Mapping[str, str]
    """For writes that a later look at their record may settle: the method that reads it, by method."""

    written: Any
    """What such a write returns when all went well."""

    policy_is_profiles: PolicyIsProfiles | None
    """Tells calls that are as good as ones without a policy; None where callers give no such policies."""

    cannot: Mapping[str, str]
    """What a profile may say and this client cannot do, or takes differently, and one sentence why: by
    policy field, by value (``replica: any``), by scope, or by ``connection.<setting>``."""

    config_variables: Mapping[str, str]
    """Environment variables that name a configuration file of the client's own, and what that decides."""

    own_gate: str
    """What a gate in the client's own configuration counts; empty where it can have none."""

    def seam(self, client: Any) -> Seam | None:
        """Return where the client that does the work is held; None if it is this very object."""
        ...

    def recognises(self, client: object) -> bool:
        """Return whether this is such a client. Imports nothing."""
        ...

    def is_closed(self, client: Any) -> bool:
        """Return whether the client has been closed."""
        ...

    def traces_itself(self) -> bool:
        """Return whether the client's own tracing is in force, so that ours would tell a call twice."""
        ...

    @property
    def refusals(self) -> Refusals:
        """Our errors as this client's errors. Imports the client when first asked."""
        ...

    def own_policies(self, client: Any) -> Mapping[str, Mapping[str, Any]]:
        """Return the policies the client was configured with, by family; empty if it cannot say."""
        ...

    def own_connection(self, client: Any) -> Mapping[str, Any]:
        """Return what the application's client is connected with; empty if it cannot say.

        Names are those of a policy file's ``connection``; durations are in milliseconds, but for
        ``max_socket_idle`` in seconds.
        """
        ...

    def native_config(self, client: Any) -> NativeConfig:
        """Return what watches the client's dynamic configuration; a `NoNativeConfig` where it has none."""
        ...

    def fields(self, operation: Operation, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Turn a profile's settings into the client's policy fields, leaving out what it lacks.

        Names become the client's numbers; milliseconds stay milliseconds.
        """
        ...

    def tailor(
        self,
        family: str,
        fields: Mapping[str, Any],
        *,
        total_timeout_ms: int,
        socket_timeout_ms: int,
        max_retries: int,
        commit_master: bool = False,
        leave_master: bool = False,
    ) -> Any:
        """Make a family's native policy: `fields` with these in their place; 0 ms stands for no limit.

        Args:
            family: the family.
            fields: the client's own names and values.
            total_timeout_ms: for all tries.
            socket_timeout_ms: for each try.
            max_retries: further tries of the client itself.
            commit_master: whether a write is to be committed on its master alone.
            leave_master: whether a read may begin at any replica; for clients that try a node again
                which refuses connections, instead of the next.
        """
        ...

    def own_family(self, operation: Operation) -> str:
        """Return the family of `own_policies` that holds for an operation."""
        ...

    def take_policy(
        self,
        client: Any,
        operation: Operation,
        arguments: dict[str, Any],
        place: tuple[str, str] | None,
    ) -> Any:
        """Take the policy that holds out of a call's arguments; None where the caller gave none."""
        ...

    def given(self, operation: Operation, policy: Any) -> Mapping[str, Any] | None:
        """Return the fields of a policy that the caller gave; None if the client will object to it."""
        ...

    def place(self, key: object) -> tuple[str, str] | None:
        """Return the namespace and the set that a key names; None if it is no key."""
        ...

    def moves_to_replica(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a read under these fields goes to another replica when a try fails."""
        ...

    def wanted(
        self, arguments: Mapping[str, Any], fields: Mapping[str, Any]
    ) -> ExpectedWrite | None:
        """Return what a conditional write wants; None where a look at its record would not tell."""
        ...

    def record(self, result: Any) -> tuple[int, dict[str, Any]]:
        """Return generation and bins of what a read returned."""
        ...

    def conditional(self, fields: Mapping[str, Any]) -> bool:
        """Return whether a write under these fields fails once it has been applied."""
        ...

    def classify(self, error: BaseException, operation: Operation) -> Failure:
        """Say what an error means."""
        ...

    def rows(self, operation: Operation) -> Rows | None:
        """Return the way to a batch operation's rows; None where it fails whole."""
        ...

    def statement(self, operation: Operation, arguments: Mapping[str, Any]) -> str:
        """Return the text of the query that a call makes, without values; empty where it makes none."""
        ...

    def lazy_statement(self, made: Sequence[Any], built: Built) -> str:
        """Return the same of an object that touches the database later.

        Args:
            made: what the object was made with.
            built: what its builders were given since.
        """
        ...

    def sender(self, method: Callable[..., Any], operation: Operation) -> Send:
        """Return the native call behind a method of the client or of a lazy object of its."""
        ...

    def source(self, client: Any) -> NodeSource:
        """Return the client's view of its cluster."""
        ...


def every_operation(adapter: Adapter) -> dict[str, Operation]:
    """Return every operation of a client by name, those of queries and scans included."""
    lazy = (one for method in adapter.lazy.values() for one in method.executing.values())
    return {**adapter.operations, **{operation.name: operation for operation in lazy}}
