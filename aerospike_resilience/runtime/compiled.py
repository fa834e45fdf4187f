"""A wrapped client under one profile: its plans and its linked chain.

A reload builds another runtime and swaps one reference. A call that began under the old runtime ends
under it. Gates, node health and budget outlive a reload: they are in `Shared`.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..clients import Adapter, ClientRefusals
from ..concurrency.event_loop_lag import Lag, lag_of_running_loop
from ..concurrency.weakly import weakly
from ..interceptors import (
    Backoff,
    Bounds,
    Breaker,
    Closing,
    Compared,
    Deadline,
    Fallback,
    Foresight,
    GateDraft,
    GateOptions,
    Gates,
    Interceptor,
    NativeAttempt,
    Proceed,
    ProceedAsync,
    Recorder,
    Retry,
    RetryBudget,
    RetryCounters,
    TenacityRules,
    VirtualGate,
    WouldHave,
)
from ..model.attempt_policy import AttemptPolicy
from ..model.durations import limit_s_to_ms, ms_to_s
from ..model.plan import Plan, early_s
from ..model.refusals import RefusalCounters
from ..nodes import AdaptiveTimeout, ClusterHealth, NodeOptions, StorageFactory
from ..profiles import Profile
from ..telemetry.durations import NamedSets
from .chain import Arrange, ChainPlace, Placed, arranged, link, link_async
from .fast.lane import Lane
from .fast.loop_calls import AwaitedCalls
from .planner import Planner, PlansOnDemand

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from ..interceptors.telemetry import Telemetry
    from ..telemetry.spans import RequestHook, ResponseHook


BROKEN_EACH_S: Final = 60.0
"""The least time between two log lines about broken telemetry, in seconds."""


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


class Runtime:
    """One profile, compiled for one client.

    Args:
        shared: what outlives a reload.
        profile: the profile.
        draft: the gate options it is built for, if not yet adopted; None for those in force.
        lazy: whether each plan is made when it is first needed. A block of `using()` often lives shorter
            than it takes to make them all.

    Attributes:
        profile: the profile.
        planner: makes plans for calls of any form.
        plans: the plan of each operation's plain form, by name.
        head: the outermost link of the chain, for methods that block.
        head_async: the same, for methods that are awaited.
        lane: what fused calls read; shut where the chain does more for a success than they do.
        plain: whether a plain call may take its plan from `plans`. False where sets or strongly
            consistent namespaces have their own options, or where only some namespaces have replicas.
    """

    __slots__ = (
        "__weakref__",
        "_attempt",
        "_listening",
        "_patience_s",
        "_shared",
        "_silent_until",
        "_single",
        "head",
        "head_async",
        "lane",
        "plain",
        "planner",
        "plans",
        "profile",
        "telemetry",
    )

    def __init__(
        self,
        shared: Shared,
        profile: Profile,
        draft: GateDraft | None = None,
        *,
        lazy: bool = False,
    ) -> None:
        self._shared = shared
        self._silent_until = -math.inf
        self.profile = profile
        health = shared.health
        self._single = health.single
        self._patience_s = health.patience_s
        self.plain = self._takes_plain_plans()
        self.planner = Planner(
            shared.adapter,
            shared.client,
            profile,
            strong=lambda namespace: namespace in health.strong,
            single=lambda namespace: namespace in health.single,
            on_plan=weakly(self._hurry),
            client_name=shared.health.identity.name,
            forked=shared.forked,
            on_refusal=shared.refused.count,
        )
        operations = {
            name: operation
            for name, operation in shared.adapter.operations.items()
            if hasattr(shared.client, name)
        }
        self.plans: Mapping[str, Plan] = (
            PlansOnDemand(self.planner, operations)
            if lazy
            else {name: self.planner.plain(one) for name, one in operations.items()}
        )
        refusals = shared.refusals
        self._attempt = NativeAttempt(
            shared.adapter.tailor,
            refusals.deadline,
            shared.clock,
            lambda address: health.registry.names.get(address),
            health.owners,
            outlives_cancellation=shared.adapter.outlives_cancellation,
            lag=shared.lag,
            crowded=shared.gates.main.crowded,
        )

        self._listening = self._listening_now()
        self.telemetry = self._telemetry()
        chain = self._chain(draft)
        self.head, self.head_async = self._link(chain)
        self.lane = Lane(chain, self.plans, self.planner, health, plain=self.plain)

    def pace(self, patience_s: float) -> None:
        """Set how long reads wait for a node before they move to a replica. Called by the tend thread.

        Shortens only reads that another attempt of this library can follow; the last attempt gets its
        full time.
        """
        single = self._shared.health.single
        if patience_s == self._patience_s and single == self._single:
            return
        self._patience_s, self._single = patience_s, single
        self.plain = self._takes_plain_plans()
        self.lane.take(self.plans, plain=self.plain)
        for plan in self.planner.plans:
            self._hurry(plan)

    def _hurry(self, plan: Plan) -> None:
        """Apply the current patience to a plan, also to one that was made after the last tend."""
        if plan.operation.awaited and plan.patient is None:
            self._allow_patience(plan)
        patience_s = self._patience_s
        if patience_s is None or self.profile.adaptive_timeout is None:
            return
        if plan.failover and plan.max_tries > plan.native_retries + 1:
            single = plan.single or not self._has_replicas
            socket_s = plan.socket_timeout_s if single else min(patience_s, plan.socket_timeout_s)
            socket_ms = limit_s_to_ms(socket_s)
            policy = self._shared.adapter.tailor(
                plan.operation.family,
                plan.fields,
                AttemptPolicy(limit_s_to_ms(plan.total_timeout_s), socket_ms, plan.native_retries),
            )
            plan.swap(policy, socket_s, early_s(ms_to_s(socket_ms)))

    def _allow_patience(self, plan: Plan) -> None:
        """Give a plan the policy of reads while their event loop is late, or many calls are under way.

        Time in which an event loop is late makes every node look slow, and leaving one for another then
        only adds to the load. And if all nodes pause, many calls in a hurry are enough for the client's own
        breaker to shut all of them.
        """
        socket_s = plan.total_timeout_s / (plan.native_retries + 1)
        if not plan.failover or math.isinf(socket_s) or socket_s <= plan.socket_timeout_s:
            return
        socket_ms = limit_s_to_ms(socket_s)
        plan.patient_early_s = early_s(ms_to_s(socket_ms))
        plan.patient = self._shared.adapter.tailor(
            plan.operation.family,
            plan.fields,
            AttemptPolicy(limit_s_to_ms(plan.total_timeout_s), socket_ms, plan.native_retries),
        )

    @property
    def _has_replicas(self) -> bool:
        """Whether a read may find another replica, according to the partition map."""
        namespaces = self._shared.health.partitions.namespaces
        return not namespaces or not self._single.issuperset(namespaces)

    def _takes_plain_plans(self) -> bool:
        """Whether the plan of a plain call is the same for every namespace and set."""
        mixed = bool(self._single) and self._has_replicas
        hurries = self.profile.adaptive_timeout is not None
        return not (self.profile.has_sets or self.profile.has_consistency or (mixed and hurries))

    @property
    def configuration_is_stale(self) -> bool:
        """Whether the client's own policies changed since this profile was compiled for it."""
        return self.planner.own != self._shared.adapter.own_policies(self._shared.client)

    @property
    def telemetry_is_stale(self) -> bool:
        """Whether another provider was set since this chain was built."""
        return self._listening != self._listening_now()

    def _listening_now(self) -> tuple[object, ...]:
        """Return the providers that would be asked now. They are compared by identity."""
        from opentelemetry import metrics, trace

        shared = self._shared
        return (
            shared.tracer_provider or trace.get_tracer_provider(),
            shared.meter_provider or metrics.get_meter_provider(),
        )

    def _telemetry(self) -> Telemetry:
        from ..interceptors.telemetry import Telemetry, Wishes  # imports OpenTelemetry's API
        from ..telemetry.board import board_of
        from ..telemetry.providers import tracer
        from ..telemetry.targets import Targets

        shared, wants = self._shared, self.profile.telemetry
        health = shared.health
        board = board_of(shared.meter_provider) if wants.metrics else None
        durations = None if board is None else board.durations
        return Telemetry(
            tracer=tracer(shared.tracer_provider) if wants.spans else None,
            record=None if durations is None else durations.add,
            targets=Targets(
                health.identity.name,
                self.profile.name,
                shared.adapter,
                weakly(self._server),
                weakly(self._only_namespace),
                shared.sets.named,
                durations,
            ),
            wishes=Wishes(
                errors=frozenset(wants.count_as_errors),
                returned_rows=wants.returned_rows,
                statement=shared.adapter.statement if wants.db_query_text else None,
                request_hook=shared.request_hook,
                response_hook=shared.response_hook,
            ),
            address=health.address,
            owners=health.owners,
            clock=shared.clock,
            on_broken=weakly(self._broken),
        )

    def _only_namespace(self) -> str:
        """Return the cluster's namespace; empty where it has several, or the map is not known yet."""
        names = tuple(self._shared.health.partitions.namespaces)
        return names[0] if len(names) == 1 else ""

    def _server(self) -> tuple[str, int] | None:
        """Return the host and port that the client was given first; None where it does not tell."""
        try:
            seed = self._shared.seed or self._shared.adapter.seed(self._shared.client)
        except Exception:  # noqa: BLE001 - a client that is not connected yet, or a stand-in
            return None
        host, _, port = seed.rpartition(":")
        return (host.strip("[]"), int(port)) if host and port.isdecimal() else None

    def _broken(self, what: str, error: Exception) -> None:
        """Log what an exporter or a processor raised, at most once a minute."""
        now = self._shared.clock()
        if now >= self._silent_until:
            self._silent_until = now + BROKEN_EACH_S
            log = self._shared.health.identity.log("aerospike_resilience.telemetry")
            log.error("telemetry is broken, and calls go on without it: %s", what, exc_info=error)

    def _retry(self) -> Retry:
        retry = self.profile.retry
        return Retry(
            Backoff(
                *(retry.backoff, retry.sleep_s, retry.max_sleep_s, self._shared.random_source),
                chain=retry.chain,
            ),
            self._shared.budget if retry.budget is not None else None,
            self._shared.closing,
            self._shared.retries,
            self._shared.rules,
            self._shared.clock,
        )

    def _foresight(self) -> Sequence[Interceptor]:
        """Return the link that counts what another profile would have done, if this one names another.

        Raises:
            UnknownProfileError: there is no such profile. Also a `LookupError`.
            PolicyFileError: its file is broken. Also a `ValueError`.
        """
        name, shared = self.profile.telemetry.would_have, self._shared
        if name is None or shared.load is None:
            return []
        other, health = shared.load(name), shared.health
        planner = Planner(
            shared.adapter,
            shared.client,
            other,
            strong=lambda namespace: namespace in health.strong,
            single=lambda namespace: namespace in health.single,
            verifies=False,
        )
        gate, budget, adaptive = other.backpressure, other.retry.budget, other.adaptive_timeout
        limit = gate.max_concurrent_operations
        compared = Compared(
            planner.plain,
            VirtualGate(limit, gate.operation_queue_timeout_s) if limit else None,
            RetryBudget(budget.ratio, budget.min_per_second) if budget is not None else None,
            adaptive.max_s if adaptive is not None else None,
            other.breaker.on_replica_open == "fail",
        )
        return [Foresight(health, compared, shared.would_have)]

    def _attempt_timer(self) -> list[Interceptor]:
        """Return the link that records the duration of attempts; none where nobody wants it."""
        shared, wants = self._shared, self.profile.telemetry
        if not (wants.attempt_duration and wants.metrics):
            return []
        from ..interceptors.attempt.durations import AttemptTimer
        from ..telemetry.board import board_of
        from ..telemetry.durations import AttemptDurations

        board = board_of(shared.meter_provider)
        if board is None:
            return []
        durations = AttemptDurations(board.attempts, shared.health.identity.name)
        return [AttemptTimer(durations, shared.health.owners, weakly(self._broken), shared.clock)]

    def _link(self, chain: Sequence[Interceptor]) -> tuple[Proceed, ProceedAsync]:
        """Link the chain, for blocking methods and for awaited ones."""
        clock = self._shared.clock
        return link(chain, clock), link_async(chain, clock)

    def _chain(self, draft: GateDraft | None) -> Sequence[Interceptor]:
        """Return the interceptors that run under this profile, outermost first."""
        shared, profile = self._shared, self.profile
        refusals, clock = shared.refusals, shared.clock
        breaks = profile.breaker.mode != "off" or profile.adaptive_timeout is not None
        spans = self.telemetry.attempt_spans() if profile.telemetry.attempt_spans else []
        gates = shared.gates.interceptors(
            refusals.backpressure,
            draft,
            outlives_cancellation=shared.adapter.outlives_cancellation,
        )
        chain: list[tuple[ChainPlace, Sequence[Interceptor]]] = [
            ("telemetry", [self.telemetry] if self.telemetry.wanted else []),
            ("recorder", [shared.recorder] if profile.telemetry.last_call else []),
            ("deadline", [Deadline(refusals.deadline, clock)]),
            ("fallback", [shared.fallback] if shared.fallback is not None else []),
            ("retry", [self._retry()]),
            ("gate", [*gates, *self._foresight()]),
            ("breaker", [Breaker(shared.health, refusals.circuit_open)] if breaks else []),
            ("attempt", [*spans, *self._attempt_timer(), self._attempt]),
        ]
        return arranged(chain, shared.interceptors, shared.arrange)


def node_options(profile: Profile) -> NodeOptions:
    """Return the profile's node options."""
    breaker, adaptive, gate = profile.breaker, profile.adaptive_timeout, profile.backpressure
    return NodeOptions(
        max_error_rate=breaker.max_error_rate,
        window_s=breaker.error_rate_window * profile.tend_interval_s,
        tend_interval_s=profile.tend_interval_s,
        half_open_calls=breaker.half_open_calls,
        max_open_share=breaker.max_open_share,
        silence_s=breaker.silence_s,
        failure_rate=breaker.failure_rate,
        slow_call_rate=breaker.slow_call_rate,
        slow_call_s=breaker.slow_call_duration_s,
        minimum_calls=breaker.minimum_calls,
        isolated=frozenset(breaker.isolate),
        batch_on_open=breaker.batch_on_open,
        on_replica_open=breaker.on_replica_open,
        mode=breaker.mode,
        adaptive=None
        if adaptive is None
        else AdaptiveTimeout(adaptive.quantile, adaptive.factor, adaptive.min_s, adaptive.max_s),
        mapped=gate.max_per_node is not None or gate.batch_weight == "nodes",
    )


def gate_options(profile: Profile) -> GateOptions:
    """Return the profile's backpressure options."""
    words = profile.backpressure
    start = words.max_concurrent_operations
    return GateOptions(
        limit=start,
        queue_timeout_s=words.operation_queue_timeout_s,
        order=words.queue,
        batch_weight_cap=words.batch_weight_cap if words.batch_weight == "nodes" else 1,
        max_per_node=words.max_per_node,
        bounds=Bounds(start, min(words.floor, start), max(words.ceiling, start))
        if words.limit == "adaptive"
        else None,
    )
