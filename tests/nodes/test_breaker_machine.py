"""The breaker's state machine against a model, written from what docs/nodes.md says of states."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from aerospike_resilience.nodes.breaker import (
    CLOSED,
    FORGIVEN_WINDOWS,
    HALF_OPEN,
    ISOLATED,
    OPEN,
    NodeBreaker,
    Shares,
)

WINDOW_S = 1.0


@dataclass
class Model:
    """What a node's breaker should be, in the plainest form."""

    max_error_rate: int
    half_open_calls: int
    lease_s: float
    shares: Shares
    state: str = CLOSED
    since: float = 0.0
    until: float = 0.0
    window_ends: float = 0.0
    by_hand: bool = False
    by_file: bool = False
    openings: int = 0
    successes: int = 0
    errors: int = 0
    answers: int = 0
    replicated: int = 0
    slow: int = 0
    leases: dict[int, float] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return ISOLATED if self.by_hand or self.by_file else self.state

    @property
    def shortest_s(self) -> float:
        """How long it stays open at least when it opens now: growing, jittered, capped."""
        return WINDOW_S * min(1.5**self.openings, 2.5) * 0.9

    @property
    def longest_s(self) -> float:
        return WINDOW_S * min(1.5**self.openings, 2.5) * 1.1

    def enter(self, state: str, now: float) -> None:
        self.state, self.since = state, now
        if state == CLOSED:
            self.new_window()
        if state == HALF_OPEN:
            self.successes, self.leases = 0, {}

    def new_window(self) -> None:
        self.errors = self.answers = self.replicated = self.slow = 0

    def reaches(self, rate: float | None, count: int, calls: int) -> bool:
        return rate is not None and calls >= self.shares.minimum_calls and count / calls >= rate

    def out(self, now: float) -> int:
        return sum(ends > now for ends in self.leases.values())


rates = st.sampled_from([None, 0.25, 0.5, 1.0])


class BreakerMachine(RuleBasedStateMachine):
    """Windows, shares, probes, leases, isolation, late results, and how long it stays open."""

    @initialize(
        max_error_rate=st.integers(0, 4),
        half_open_calls=st.integers(1, 3),
        shares=st.builds(
            Shares,
            failure_rate=rates,
            slow_call_rate=rates,
            minimum_calls=st.integers(1, 4),
        ),
        seed=st.integers(0, 9),
    )
    def a_node(self, max_error_rate: int, half_open_calls: int, shares: Shares, seed: int) -> None:
        self.now = 100.0
        self.model = Model(max_error_rate, half_open_calls, 0.5, shares)
        self.held: list[tuple[int, float]] = []
        self.changes: list[tuple[str, str]] = []
        self.node = NodeBreaker(
            "A1",
            max_error_rate=max_error_rate,
            window_s=WINDOW_S,
            half_open_calls=half_open_calls,
            lease_s=0.5,
            shares=shares,
            random_source=random.Random(seed),
            on_change=lambda old, new: self.changes.append((old, new)),
        )

    def opens(self, reason: str) -> None:
        self.node.open(self.now, reason)
        self.stays_open()
        self.model.enter(OPEN, self.now)

    def stays_open(self) -> None:
        """Take the jitter over, which the model cannot know, and hold it to its bounds."""
        assert self.model.shortest_s <= self.node.until - self.now <= self.model.longest_s
        assert self.node.until - self.now < 3 * WINDOW_S
        self.model.until = self.node.until
        self.model.openings += 1

    @rule(seconds=st.sampled_from([0.05, 0.3, 0.7, 1.0, 4.0]), suspect=st.booleans())
    def time_passes(self, seconds: float, suspect: bool) -> None:
        self.now += seconds
        model = self.model
        self.node.tick(self.now, suspect=suspect)
        if self.now >= model.window_ends:
            model.window_ends = self.now + WINDOW_S
            model.new_window()
            if model.state == CLOSED and self.now >= model.since + FORGIVEN_WINDOWS * WINDOW_S:
                model.openings = 0
        if model.state == OPEN and self.now >= model.until:
            if suspect:
                self.stays_open()
            else:
                model.enter(HALF_OPEN, self.now)

    def began(self, late: bool) -> float:
        return self.model.since - 0.01 if late else self.now

    @rule(late=st.booleans())
    def a_call_fails(self, late: bool) -> None:
        model = self.model
        wants = self.node.fail(self.began(late), "timeout")
        expected = False
        if not late and model.state == HALF_OPEN:
            expected = True
        elif not late and model.state == CLOSED:
            model.errors += 1
            expected = 0 < model.max_error_rate < model.errors or model.reaches(
                model.shares.failure_rate, model.errors, model.errors + model.answers
            )
        assert wants == expected
        if wants:
            self.opens("timeout")

    @rule(slow=st.booleans(), late=st.booleans(), replicated=st.booleans())
    def a_call_goes_well(self, slow: bool, late: bool, replicated: bool) -> None:
        model = self.model
        wants = self.node.answer(self.began(late), slow=slow, replicated=replicated)
        expected = False
        if not late and model.state == CLOSED:
            model.answers += not replicated
            model.replicated += replicated
            model.slow += slow
            calls = model.errors + model.answers + model.replicated
            expected = slow and model.reaches(model.shares.slow_call_rate, model.slow, calls)
        assert wants == expected
        if wants:
            self.opens("slow_calls")

    @rule()
    def a_probe_is_asked_for(self) -> None:
        model = self.model
        lease = self.node.lease(self.now)
        lends = model.shown == HALF_OPEN and model.out(self.now) < model.half_open_calls
        assert (lease is not None) == lends
        if lease is not None:
            model.leases[lease] = self.now + model.lease_s
            self.held.append((lease, self.now))

    @precondition(lambda self: self.held)
    @rule(data=st.data(), answered=st.booleans())
    def a_probe_comes_back(self, data: st.DataObject, answered: bool) -> None:
        """In any order, from any earlier state, after its lease has ended."""
        model = self.model
        lease, began = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if answered:
            self.node.succeed(self.now, began)
            if model.state == HALF_OPEN and began >= model.since:
                model.successes += 1
        self.node.give_back(lease)
        model.leases.pop(lease, None)
        if model.state == HALF_OPEN and model.successes >= model.half_open_calls:
            model.enter(CLOSED, self.now)

    @rule()
    def a_pulse_is_answered(self) -> None:
        model = self.model
        self.node.succeed(self.now, self.now)
        if model.state == HALF_OPEN:
            model.successes += 1
            if model.successes >= model.half_open_calls:
                model.enter(CLOSED, self.now)

    @precondition(lambda self: self.model.state == OPEN)
    @rule()
    def it_answers_while_open(self) -> None:
        self.node.half_open(self.now)
        self.model.enter(HALF_OPEN, self.now)

    @rule()
    def its_mode_changes(self) -> None:
        self.node.reset(self.now)
        self.model.openings = 0
        if self.model.state != CLOSED:
            self.model.enter(CLOSED, self.now)

    @rule()
    def the_process_forks(self) -> None:
        self.node.after_fork()
        self.model.leases.clear()

    @rule(by_hand=st.booleans(), by_file=st.booleans())
    def it_is_isolated_or_released(self, by_hand: bool, by_file: bool) -> None:
        orders = {who: "" for who, said in (("hand", by_hand), ("profile", by_file)) if said}
        self.node.isolate(self.now, orders)
        self.model.by_hand, self.model.by_file = by_hand, by_file

    @invariant()
    def states_agree(self) -> None:
        assert self.node.state == self.model.shown
        assert self.node.closed == (self.model.shown == CLOSED)
        assert self.node.state_by_evidence == self.model.state

    @invariant()
    def probes_are_bounded(self) -> None:
        assert self.model.out(self.now) <= self.model.half_open_calls
        assert self.node.probes_out <= self.model.half_open_calls

    @invariant()
    def changes_are_those_there_are(self) -> None:
        assert set(self.changes) <= {
            (CLOSED, OPEN),
            (OPEN, HALF_OPEN),
            (HALF_OPEN, OPEN),
            (HALF_OPEN, CLOSED),
            (OPEN, CLOSED),  # by a change of mode only
        }


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
