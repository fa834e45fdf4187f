"""The parts of a wrapped client that outlive reloads: what every runtime of it is compiled from."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..clients import Adapter, ClientRefusals
from ..concurrency.event_loop_lag import Lag, lag_of_running_loop
from ..concurrency.weakly import weakly
from ..interceptors import (
    Closing,
    Fallback,
    Gates,
    Recorder,
    RetryBudget,
    RetryCounters,
    TenacityRules,
    WouldHave,
)
from ..model.refusals import RefusalCounters
from ..nodes import ClusterHealth, StorageFactory
from ..profiles import Profile
from ..telemetry.durations import NamedSets
from .chain import Arrange, Placed
from .fast.loop_calls import AwaitedCalls

if TYPE_CHECKING:
    from opentelemetry._logs import LoggerProvider
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ..telemetry.spans import RequestHook, ResponseHook


@dataclass(slots=True)
class Shared:
    """The parts of a wrapped client that outlive reloads.

    Attributes:
        client: the client that was wrapped.
        adapter: its adapter.
        health: the state of its nodes.
        gates: its gates, which hold the permits.
        budget: its retry budget.
        retries: its retry counters.
        would_have: counts what another profile would have done.
        load: loads a profile by its name; None where there is only the one.
        interceptors: the application's own interceptors, each with its place.
        arrange: the application's function that returns the final chain.
        fallback: a second cluster's client; None where there is none.
        rules: the application's retry rules; None where it has none.
        storage: the application's own storages of nodes' states; None where it has none.
        tracer_provider: None for the global one.
        meter_provider: None for the global one.
        logger_provider: None for the global one.
        request_hook: the application's hook at the beginning of spans.
        response_hook: the application's hook at the end of spans.
        seed: the first host that the client was given, as ``host:port``; empty to ask the client.
        recorder: keeps the last calls' outcomes, where a profile wants that.
        closing: set when the wrapped client is closed.
        under_way: the awaited calls on the fused path, by event loop.
        forked: whether this is a forked child that uses its parent's client.
        clock: the chain's clock, in seconds.
        refused: counts operations that ended with a refusal.
        sets: the sets that metrics name.
        max_conns_per_node: the most connections that the client opens to a node; None if it cannot say.
        random_source: where the jitter of sleeps comes from; None for a source of each runtime's own.
        lag: returns the lag of what runs awaited calls: by default of the event loop.
    """

    client: Any
    adapter: Adapter
    health: ClusterHealth
    gates: Gates
    budget: RetryBudget
    retries: RetryCounters = field(default_factory=RetryCounters)
    would_have: WouldHave = field(default_factory=WouldHave)
    load: Callable[[str], Profile] | None = None
    interceptors: tuple[Placed, ...] = ()
    arrange: Arrange | None = None
    fallback: Fallback | None = None
    rules: TenacityRules | None = None
    storage: StorageFactory | None = None
    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None
    logger_provider: LoggerProvider | None = None
    request_hook: RequestHook | None = None
    response_hook: ResponseHook | None = None
    seed: str = ""
    recorder: Recorder = field(default_factory=Recorder)
    closing: Closing = field(default_factory=Closing)
    forked: bool = False
    clock: Callable[[], float] = time.monotonic
    refused: RefusalCounters = field(default_factory=RefusalCounters)
    sets: NamedSets = field(default_factory=NamedSets)
    max_conns_per_node: int | None = None
    random_source: random.Random | None = None
    lag: Callable[[], Lag] = lag_of_running_loop
    under_way: AwaitedCalls = field(init=False)

    def __post_init__(self) -> None:
        self.under_way = AwaitedCalls(self.clock, weakly(self.gates.busy, otherwise=False))

    @property
    def refusals(self) -> ClientRefusals:
        """The error classes for this client's calls that are not sent."""
        return self.adapter.refusals.of_client(self.health.identity)
