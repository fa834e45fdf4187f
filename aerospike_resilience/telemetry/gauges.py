"""Gauges: a client's state as observable instruments, read when metrics are collected, not by calls.

The one exception is the time that calls wait for the gate, which is recorded after each wait.

One set of instruments serves all wrapped clients of a process (for each meter provider), so that a
second client or a reload registers nothing twice; the attribute ``aerospike.resilience.client``, the
client's name, distinguishes them.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .names import DURATION_BUCKETS_S, SCOPE, is_live

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

OnWait = Callable[[float, str], None]
"""Records how long an operation waited for a permit, in seconds, and the result."""

Readings = Iterable[tuple[float, dict[str, str]]]
"""An instrument's current values with their attributes."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """An observable instrument.

    Attributes:
        kind: ``gauge`` or ``counter``.
        unit: its unit, as OpenTelemetry writes units.
        description: its description in the metrics.
        read: from a wrapped client to the instrument's current values.
    """

    kind: Literal["gauge", "counter"]
    unit: str
    description: str
    read: Callable[[Any], Readings]


class Observed(Protocol):
    """A wrapped client whose state the instruments show."""

    instruments: Mapping[str, Instrument]
    """Its instruments, by name under ``aerospike.resilience.``; the same for all wrapped clients."""

    def readings(self, instrument: str) -> Readings:
        """Return an instrument's current values for this client."""
        ...


class _Board:
    """One provider's instruments and the clients they show, held weakly."""

    def __init__(self, provider: MeterProvider, instruments: Mapping[str, Instrument]) -> None:
        self._clients: weakref.WeakKeyDictionary[Observed, str] = weakref.WeakKeyDictionary()
        meter = provider.get_meter(SCOPE)
        self._wait_time = meter.create_histogram(
            "aerospike.resilience.gate.wait_time",
            unit="s",
            description="How long operations that had to wait for a permit did so.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S,
        )
        for name, instrument in instruments.items():
            create = (
                meter.create_observable_gauge
                if instrument.kind == "gauge"
                else meter.create_observable_counter
            )
            create(
                f"aerospike.resilience.{name}",
                [self._callback(name)],
                unit=instrument.unit,
                description=instrument.description,
            )

    def add(self, client: Observed, name: str) -> OnWait:
        self._clients[client] = name
        record = self._wait_time.record

        def waited(seconds: float, outcome: str) -> None:
            record(seconds, {"aerospike.resilience.client": name, "outcome": outcome})

        return waited

    def remove(self, client: Observed) -> None:
        self._clients.pop(client, None)

    def _callback(self, instrument: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        from opentelemetry.metrics import Observation

        def callback(_options: CallbackOptions) -> Iterable[Observation]:
            return [
                Observation(value, {"aerospike.resilience.client": name, **attributes})
                for client, name in list(self._clients.items())
                for value, attributes in client.readings(instrument)
            ]

        return callback


_boards: weakref.WeakKeyDictionary[MeterProvider, _Board] = weakref.WeakKeyDictionary()


def hide(client: Observed) -> None:
    """Remove a wrapped client from the instruments of all providers."""
    for board in list(_boards.values()):
        board.remove(client)


def show(client: Observed, name: str, provider: MeterProvider) -> OnWait | None:
    """Show a wrapped client's state on a provider's instruments.

    Returns:
        A function that records the waits at its gates; None if no SDK is configured.
    """
    if not is_live(provider):
        return None
    board = _boards.get(provider)
    if board is None:
        board = _boards[provider] = _Board(provider, client.instruments)
    return board.add(client, name)
