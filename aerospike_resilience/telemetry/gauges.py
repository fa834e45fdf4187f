"""State as observable instruments: read when metrics are collected, never on the call path.

The one exception is how long calls waited for the gate, which is recorded as they do.

One set of instruments serves all wrapped clients of a process (for each meter provider), so that a
second client or a reload registers nothing twice; the attribute ``aerospike.resilience.client``, the
client's name, tells them apart.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from .names import DURATION_BUCKETS_S, SCOPE, is_live

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, MeterProvider, Observation

OnWait = Callable[[float, str], None]
"""Records how long an operation waited for a permit, in seconds, and what came of it."""

Readings = Iterable[tuple[float, dict[str, str]]]
"""What an instrument shows now: values with their attributes."""

INSTRUMENTS: Final = {
    "breaker.state": ("gauge", "1", "A node's breaker: 0 closed, 1 half-open, 2 open, 3 isolated."),
    "breaker.transitions": (
        "counter",
        "{transition}",
        "Changes of state of nodes' breakers, by node and new state.",
    ),
    "cluster.verdict": (
        "gauge",
        "1",
        "1 while so many nodes fail that the cluster or our own network is the likely cause.",
    ),
    "commit_master": (
        "counter",
        "{operation}",
        "Writes sent with commit level master, as a replica of theirs was open.",
    ),
    "fallback.calls": ("counter", "{operation}", "Operations made on the fallback client."),
    "gate.in_flight": ("gauge", "{operation}", "Operations that hold a permit."),
    "gate.limit": ("gauge", "{operation}", "Permits in all."),
    "gate.waiting": ("gauge", "{operation}", "Operations in line for a permit."),
    "gate.node.in_flight": (
        "gauge",
        "{operation}",
        "Operations that hold a permit of a node, where the profile limits by node.",
    ),
    "gate.rejections": ("counter", "{operation}", "Operations refused by the gate, by reason."),
    "retries": ("counter", "{attempt}", "Attempts beyond an operation's first."),
    "retries.suppressed": ("counter", "{operation}", "Failures not tried again, by reason."),
    "storage.unreachable": (
        "gauge",
        "1",
        "1 while breaker.storage cannot be used and nodes' states are not shared.",
    ),
    "reload.failed": (
        "gauge",
        "1",
        "1 while a profile's file is broken and the last good one holds.",
    ),
    "native_config.overrides": (
        "gauge",
        "{field}",
        "Policy fields in which the client's own dynamic configuration overrides the profile.",
    ),
}
"""Every instrument by its name under ``aerospike.resilience.``: kind, unit, description."""


class Observed(Protocol):
    """A wrapped client whose state is shown."""

    def readings(self, instrument: str) -> Readings:
        """Return what an instrument shows for this client now."""
        ...


class _Board:
    """One provider's instruments and the clients they show, held weakly."""

    def __init__(self, provider: MeterProvider) -> None:
        self._clients: weakref.WeakKeyDictionary[Observed, str] = weakref.WeakKeyDictionary()
        meter = provider.get_meter(SCOPE)
        self._wait_time = meter.create_histogram(
            "aerospike.resilience.gate.wait_time",
            unit="s",
            description="How long operations that had to wait for a permit did so.",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S,
        )
        for name, (kind, unit, description) in INSTRUMENTS.items():
            create = (
                meter.create_observable_gauge
                if kind == "gauge"
                else meter.create_observable_counter
            )
            create(
                f"aerospike.resilience.{name}",
                [self._callback(name)],
                unit=unit,
                description=description,
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
    """Show a wrapped client's state no more, on any provider's instruments."""
    for board in list(_boards.values()):
        board.remove(client)


def show(client: Observed, name: str, provider: MeterProvider) -> OnWait | None:
    """Show a wrapped client's state on a provider's instruments.

    Returns:
        What records the waits at its gates; None where no SDK is configured.
    """
    if not is_live(provider):
        return None
    board = _boards.get(provider)
    if board is None:
        board = _boards[provider] = _Board(provider)
    return board.add(client, name)
