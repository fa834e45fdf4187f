"""The board: one provider's instruments, and the wrapped clients that they show.

One set of instruments serves all wrapped clients of a process (for each meter provider), so that a second
client or a reload registers nothing twice; the attribute ``aerospike.resilience.client``, the client's
name, distinguishes them. State is read when metrics are collected: once for each collection, by the
callback of the first instrument, which also hands over the samples that calls have left.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ..concurrency import forking
from ..model.identity import ClientIdentity
from . import registry, sdk
from .cells import Histogram
from .names import DURATION_BUCKETS_S, RECORD_SIZE_BUCKETS_BYTES

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation

Reading: TypeAlias = list[tuple[float, dict[str, str]]]
"""A metric's current values with their attributes, the client's name left out."""


class Observed(Protocol):
    """A wrapped client whose state the instruments show."""

    identity: ClientIdentity

    def read(self) -> Mapping[str, Reading]:
        """Return the current values of each metric; nothing once the client is closed."""
        ...


class Board:
    """One provider's instruments and the clients they show, held weakly.

    Args:
        meter: the provider's meter for this library.

    Attributes:
        durations: durations of operations.
        attempts: durations of attempts.
        waits: how long operations waited for permits.
        sizes: sizes of records.
    """

    def __init__(self, meter: Meter) -> None:
        self._clients: weakref.WeakSet[Observed] = weakref.WeakSet()
        self._values: dict[str, list[tuple[float, dict[str, str]]]] = {}
        self._made: list[Any] = []
        self.durations = self._histogram(meter, registry.DURATION)
        self.attempts = self._histogram(meter, registry.ATTEMPT_DURATIONS)
        self.waits = self._histogram(meter, registry.WAIT_TIME)
        self.sizes = self._histogram(meter, registry.RECORD_SIZE, RECORD_SIZE_BUCKETS_BYTES)
        first = True
        for name, metric in registry.METRICS.items():
            if metric.instrument == "histogram":
                continue
            create = {
                "gauge": meter.create_observable_gauge,
                "counter": meter.create_observable_counter,
                "up-down counter": meter.create_observable_up_down_counter,
            }[metric.instrument]
            callback = self._callback(name, begins=first)
            made = create(name, [callback], unit=metric.unit, description=metric.description)
            self._made.append(made)
            first = False
        forking.register(self)

    def add(self, client: Observed) -> None:
        """Show a client from now on."""
        self._clients.add(client)

    def remove(self, client: Observed) -> None:
        """Show a client no more."""
        self._clients.discard(client)

    def wait_recorder(self, client: str) -> Callable[[float, str], None]:
        """Return what records how long operations of a client waited, in seconds, and the result."""
        waits = self.waits

        def waited(seconds: float, outcome: str) -> None:
            said = {registry.CLIENT: client, registry.GATE_OUTCOME: outcome}
            waits.add(seconds, said)

        return waited

    def shows(self, client: Observed) -> bool:
        """Return whether a client is shown."""
        return client in self._clients

    def after_fork(self) -> None:
        """Begin at zero in a forked child, where the SDK lets us: its storages came along."""
        self._values = {}
        sdk.forget(self._made)

    def _histogram(
        self, meter: Meter, name: str, buckets: Sequence[float] = DURATION_BUCKETS_S
    ) -> Histogram:
        metric = registry.METRICS[name]
        made = meter.create_histogram(
            name,
            unit=metric.unit,
            description=metric.description,
            explicit_bucket_boundaries_advisory=buckets,
        )
        self._made.append(made)
        return Histogram(made)

    def _callback(
        self, name: str, *, begins: bool
    ) -> Callable[[CallbackOptions], Iterable[Observation]]:
        from opentelemetry.metrics import Observation

        def callback(_options: CallbackOptions) -> Iterable[Observation]:
            if begins:
                self._begin()
            return [Observation(value, said) for value, said in self._values.get(name, ())]

        return callback

    def _begin(self) -> None:
        """Begin a collection: hand samples over and read all clients."""
        for histogram in (self.durations, self.attempts, self.waits, self.sizes):
            histogram.hand_over()
        values: dict[str, list[tuple[float, dict[str, str]]]] = {}
        for client in list(self._clients):
            try:
                readings = client.read()
            except Exception:  # noqa: BLE001 - one client must not hide the others
                client.identity.log("aerospike_resilience.telemetry").exception(
                    "its state could not be read for metrics"
                )
                continue
            for name, reading in readings.items():
                values.setdefault(name, []).extend(
                    (value, {registry.CLIENT: client.identity.name, **attributes})
                    for value, attributes in reading
                )
        self._values = values


_boards: weakref.WeakKeyDictionary[MeterProvider, Board] = weakref.WeakKeyDictionary()


def board_of(provider: MeterProvider | None) -> Board | None:
    """Return a provider's board; None if nothing listens there.

    Args:
        provider: None for the global one.
    """
    if provider is None:
        from opentelemetry import metrics

        provider = metrics.get_meter_provider()
    board = _boards.get(provider)
    if board is None:
        from .providers import meter  # imports OpenTelemetry's API

        if (made := meter(provider)) is not None:
            board = _boards.setdefault(provider, Board(made))
    return board


def show(client: Observed, provider: MeterProvider | None) -> Board | None:
    """Show a wrapped client on a provider's board, and on no other.

    Args:
        client: the client.
        provider: None for the global one.

    Returns:
        The board; None if nothing listens there.
    """
    board = board_of(provider)
    for other in list(_boards.values()):
        if other is not board:
            other.remove(client)
    if board is not None:
        board.add(client)
    return board


def hide(client: Observed) -> None:
    """Remove a wrapped client from all boards."""
    for board in list(_boards.values()):
        board.remove(client)


def is_shown(client: Observed) -> bool:
    """Return whether any board shows a client."""
    return any(board.shows(client) for board in list(_boards.values()))
