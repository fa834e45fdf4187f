"""A wrapped client under one profile: its plans and its linked chain.

A reload builds another runtime and swaps one reference. A call that began under the old runtime ends
under it. Gates, node health and budget outlive a reload: they are in `shared.Shared`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from ..concurrency.weakly import weakly
from ..interceptors import (
    Backoff,
    Breaker,
    Compared,
    Deadline,
    Foresight,
    GateDraft,
    Interceptor,
    NativeAttempt,
    Proceed,
    ProceedAsync,
    Retry,
    RetryBudget,
    VirtualGate,
)
from ..model.attempt_policy import AttemptPolicy
from ..model.durations import limit_s_to_ms, ms_to_s
from ..model.plan import Plan, early_s
from ..profiles import Profile
from .chain import ChainPlace, arranged, link, link_async
from .fast.lane import Lane
from .planner import Planner, PlansOnDemand
from .shared import Shared

if TYPE_CHECKING:
    from ..interceptors.telemetry import Telemetry
    from ..telemetry.attempt_logs import AttemptLogs


BROKEN_EACH_S: Final = 60.0
"""The least time between two log lines about broken telemetry, in seconds."""


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
        self._single = health.maps.single
        self._patience_s = health.patience_s
        self.plain = self._takes_plain_plans()
        self.planner = Planner(
            shared.adapter,
            shared.client,
            profile,
            strong=lambda namespace: namespace in health.maps.strong,
            single=lambda namespace: namespace in health.maps.single,
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
            health.maps.owners,
            outlives_cancellation=shared.adapter.outlives_cancellation,
            lag=shared.lag,
            crowded=shared.gates.main.crowded,
        )

        self._listening = self._listening_now()
        self.telemetry = self._telemetry()
        chain = self._chain(draft)
        self.head, self.head_async = self._link(chain)
        self.lane = Lane(chain, self.plans, self.planner, health.maps, plain=self.plain)

    def pace(self, patience_s: float) -> None:
        """Set how long reads wait for a node before they move to a replica. Called by the tend thread.

        Shortens only reads that another attempt of this library can follow; the last attempt gets its
        full time.
        """
        single = self._shared.health.maps.single
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
        namespaces = self._shared.health.maps.newest.namespaces
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
                weakly(self._broken),
            ),
            wishes=Wishes(
                errors=frozenset(wants.count_as_errors),
                returned_rows=wants.returned_rows,
                statement=shared.adapter.statement if wants.db_query_text else None,
                attempt_logs=self._attempt_logs(),
                request_hook=shared.request_hook,
                response_hook=shared.response_hook,
            ),
            address=health.address,
            owners=health.maps.owners,
            clock=shared.clock,
            on_broken=weakly(self._broken),
        )

    def _attempt_logs(self) -> AttemptLogs | None:
        """Return what logs attempts; None where nobody wants it, or the API cannot."""
        if not self.profile.telemetry.attempt_logs:
            return None
        from ..telemetry.attempt_logs import AttemptLogs, can_log

        return AttemptLogs(self._shared.logger_provider) if can_log() else None

    def _only_namespace(self) -> str:
        """Return the cluster's namespace; empty where it has several, or the map is not known yet."""
        names = tuple(self._shared.health.maps.newest.namespaces)
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
            strong=lambda namespace: namespace in health.maps.strong,
            single=lambda namespace: namespace in health.maps.single,
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
        return [
            AttemptTimer(durations, shared.health.maps.owners, weakly(self._broken), shared.clock)
        ]

    def _record_measure(self) -> list[Interceptor]:
        """Return the link that measures records; none where nobody wants it."""
        shared, wants = self._shared, self.profile.telemetry
        if not (wants.record_size and wants.metrics):
            return []
        from ..interceptors.telemetry.record_sizes import RecordMeasure
        from ..telemetry.board import board_of
        from ..telemetry.durations import RecordSizes

        board = board_of(shared.meter_provider)
        if board is None:
            return []
        sizes = RecordSizes(board.sizes, shared.health.identity.name, shared.sets.named)
        return [RecordMeasure(sizes, shared.adapter.place, weakly(self._broken))]

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
        told = [self.telemetry] if self.telemetry.wanted else []
        gates = shared.gates.interceptors(
            refusals.backpressure,
            draft,
            outlives_cancellation=shared.adapter.outlives_cancellation,
        )
        chain: list[tuple[ChainPlace, Sequence[Interceptor]]] = [
            ("telemetry", [*told, *self._record_measure()]),
            ("recorder", [shared.recorder] if profile.telemetry.last_call else []),
            ("deadline", [Deadline(refusals.deadline, clock)]),
            ("fallback", [shared.fallback] if shared.fallback is not None else []),
            ("retry", [self._retry()]),
            ("gate", [*gates, *self._foresight()]),
            ("breaker", [Breaker(shared.health, refusals.circuit_open)] if breaks else []),
            ("attempt", [*spans, *self._attempt_timer(), self._attempt]),
        ]
        return arranged(chain, shared.interceptors, shared.arrange)
