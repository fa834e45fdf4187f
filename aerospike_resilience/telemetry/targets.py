"""Targets: what is known of an operation before it is made, as attributes of its span and its sample.

Names only: operation, namespace, set, UDF, the client and its server. Never a record's key or a value.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sized
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, Protocol, TypeAlias

from ..model.call import Call, LazyQuery
from ..model.operation import BATCH, QUERY, Operation
from ..model.rows import BatchCall
from .cells import Histogram
from .registry import (
    CLIENT,
    DB_BATCH_SIZE,
    DB_COLLECTION,
    DB_NAMESPACE,
    DB_OPERATION,
    DB_PROCEDURE,
    DB_SYSTEM,
    PROFILE,
    SERVER_ADDRESS,
    SERVER_PORT,
)

Place: TypeAlias = tuple[str, str | None]
"""A namespace and a set; either may be empty."""

NOWHERE: Final[Place] = ("", "")

Add: TypeAlias = Callable[[float], None]
"""Takes a duration, in seconds."""

KEPT: Final = 1024
"""How many targets are kept. Set names may be without end; those beyond are made for each call."""


@dataclass(slots=True)
class Target:
    """What is known of an operation before it is made.

    Attributes:
        name: the span's name: ``get people``.
        sample: the attributes of its duration sample, where it succeeds. Shared: never changed.
        span: the attributes of its span at creation. Shared: never changed.
        add: takes the duration of a success, in seconds, and never raises; None where nobody takes it.
        answers: what takes the durations of calls that ended with an ordinary answer, such as a miss.
            Filled by who records them.
        records: whether a span records too: never, as a target has none.
    """

    name: str
    sample: Mapping[str, Any]
    span: Mapping[str, Any]
    add: Add | None = None
    answers: dict[Hashable, Add] = field(default_factory=dict)
    records: ClassVar[bool] = False

    def begin(self) -> None:
        """Start no span."""

    def leave(self) -> None:
        """Leave no span's context."""


class Places(Protocol):
    """What an adapter answers about the names in a call's arguments."""

    def place(self, key: object) -> tuple[str, str] | None:
        """Return the namespace and the set that a key names; None if it is no key."""
        ...

    def target(self, operation: Operation, arguments: Mapping[str, Any]) -> tuple[str, str] | None:
        """Return the namespace and the set that arguments other than keys name."""
        ...


class Targets:
    """Makes and keeps the targets of one client under one profile.

    Args:
        client_name: the wrapped client's name.
        profile: the profile's name.
        places: the client's adapter.
        server: returns the first host that the client was given, and its port; None where it is unknown.
        only_namespace: returns the cluster's namespace; empty where it has several, or none is known.
        named: from a namespace and a set to how metrics name the set.
        durations: where durations go; None where nobody takes them.
        on_broken: called with the step that an exporter made fail, and its exception.
    """

    def __init__(
        self,
        client_name: str,
        profile: str,
        places: Places,
        server: Callable[[], tuple[str, int] | None],
        only_namespace: Callable[[], str] = lambda: "",
        named: Callable[[str, str], str] = lambda _namespace, set_name: set_name,
        durations: Histogram | None = None,
        on_broken: Callable[[str, Exception], None] = lambda _what, _error: None,
    ) -> None:
        self._on_broken = on_broken
        self._named = named
        self._durations = durations
        self._only_namespace = only_namespace
        self._client_name = client_name
        self._profile = profile
        self._places = places
        self._find_place = places.place
        self._find_server = server
        self._server = server()
        self._kept: dict[tuple[str, Place, str], Target] = {}

    def look(self) -> None:
        """Look for the server where it was not known: the client may have connected since."""
        if self._server is None and (found := self._find_server()) is not None:
            self._server = found
            self._kept = {}

    def of(self, call: Call) -> Target:
        """Return the target of a call."""
        operation = call.plan.operation
        key = call.key
        if key is not None and not operation.procedure[0]:
            return self.of_key(operation.name, key)
        arguments = operation.bind(call.args, call.kwargs)
        place = self.place(key) if key is not None else self._place(call, arguments)
        target = self.at(operation.name, place, _procedure(call, arguments))
        if operation.shape is BATCH:
            return _with_size(target, call, arguments)
        return target

    def of_key(self, operation: str, key: Any) -> Target:
        """Return the target of an operation on a record, which runs no UDF."""
        find_place = self._find_place
        place = find_place(key) or NOWHERE
        try:
            return self._kept[operation, place, ""]
        except (KeyError, TypeError):
            return self.at(operation, place)

    def place(self, key: Any) -> Place:
        """Return the namespace and the set that a key names; both empty if it is no key."""
        return self._places.place(key) or NOWHERE

    def at(self, operation: str, place: Place, procedure: str = "") -> Target:
        """Return the target of an operation on a namespace and a set."""
        index, kept = (operation, place, procedure), self._kept
        try:
            return kept[index]
        except KeyError:
            made = self._made(operation, place, procedure)
        except TypeError:  # a key of a class of the application's own
            return self._made(operation, NOWHERE, procedure)
        if len(kept) < KEPT:
            kept[index] = made
        return made

    def _made(self, operation: str, place: Place, procedure: str) -> Target:
        namespace, set_name = place
        server = self._server
        sample: dict[str, Any] = {
            DB_SYSTEM: "aerospike",
            DB_OPERATION: operation,
            CLIENT: self._client_name,
        }
        if namespace:
            sample[DB_NAMESPACE] = namespace
        if set_name:
            sample[DB_COLLECTION] = set_name
        if procedure:
            sample[DB_PROCEDURE] = procedure
        if server is not None:
            sample[SERVER_ADDRESS], sample[SERVER_PORT] = server
        where = set_name or procedure or namespace
        if not where and server is not None:
            where = f"{server[0]}:{server[1]}"
        name = f"{operation} {where}" if where else operation
        span = {**sample, PROFILE: self._profile}
        if set_name and (called := self._named(namespace, set_name)) != set_name:
            sample[DB_COLLECTION] = called
        return Target(name, sample, span, self.adding(sample))

    def adding(self, sample: Mapping[str, Any]) -> Add | None:
        """Return what takes durations with the attributes of a sample; None where nobody takes them."""
        if self._durations is None:
            return None
        add, on_broken = self._durations.cell(sample).add, self._on_broken

        def added(duration_s: float) -> None:
            try:
                add(duration_s)
            except Exception as broken:  # noqa: BLE001 - telemetry must not make a call fail
                on_broken("a duration could not be recorded", broken)

        return added

    def _place(self, call: Call, arguments: Mapping[str, Any]) -> Place:
        """Return the place of a call without a key: of a query, of a batch whose rows agree, of a job."""
        operation = call.plan.operation
        if call.query is not None:
            return call.query.place or NOWHERE
        if operation.shape is BATCH and not operation.place[0]:
            return _shared(map(self._places.place, _keys(call, arguments)))
        namespace, set_name = self._places.target(operation, arguments) or NOWHERE
        if not namespace and operation.shape is QUERY:
            namespace = self._only_namespace()  # some clients' statements do not show theirs
        return namespace, set_name


def _keys(call: Call, arguments: Mapping[str, Any]) -> Iterable[Any]:
    """Return the keys of a batch's rows; none where they cannot be read."""
    plan = call.plan
    try:
        if plan.row_reader is not None:
            return plan.row_reader.sent(BatchCall(plan, call.args, call.kwargs))
    except Exception:  # noqa: BLE001 - rows of a wrong shape; the client will refuse them
        return ()
    rows = arguments.get(plan.operation.rows)
    return rows if isinstance(rows, list | tuple) else ()


def _shared(places: Iterable[Place | None]) -> Place:
    """Return the namespace and the set that all rows have; empty where they differ."""
    found = set(places)
    if not found or None in found:
        return NOWHERE
    namespaces = {place[0] for place in found if place is not None}
    if len(namespaces) > 1:
        return NOWHERE
    first = found.pop()
    return (first or NOWHERE) if not found else (namespaces.pop(), "")


def _procedure(call: Call, arguments: Mapping[str, Any]) -> str:
    """Return ``module.function`` of the UDF that a call runs; empty if it runs none."""
    query: LazyQuery | None = call.query
    if query is not None:
        return query.procedure
    module, function = (arguments.get(name) for name in call.plan.operation.procedure)
    if isinstance(module, str) and isinstance(function, str):
        return f"{module}.{function}"
    return ""


def _with_size(target: Target, call: Call, arguments: Mapping[str, Any]) -> Target:
    """Return a batch's target with its size, for the span alone. A batch of one is a single operation."""
    plan = call.plan
    rows = arguments.get(plan.operation.rows)
    try:
        reader = plan.row_reader
        batch = BatchCall(plan, call.args, call.kwargs)
        size = reader.size(batch) if reader is not None else len(rows)  # type: ignore[arg-type]
    except Exception:  # noqa: BLE001 - rows of a wrong shape; the client will refuse them
        return target
    if size == 1 or (reader is None and not isinstance(rows, Sized)):
        return target
    return replace(target, span={**target.span, DB_BATCH_SIZE: size})
