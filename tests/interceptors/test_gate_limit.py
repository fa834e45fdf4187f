"""The adaptive limit falls when the cluster has too much and rises when it is used."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from aerospike_resilience.interceptors import Bounds
from aerospike_resilience.interceptors.gate.adaptive_limit import AdaptiveLimit, LimitSample
from aerospike_resilience.interceptors.gate.limit_loop import AdaptiveLimitLoop
from tests import fakes

BOUNDS = Bounds(start=100, floor=10, ceiling=200)


def a_round(
    limit: AdaptiveLimit, began: float, *, lost: float = 0.0, took_s: float = 0.001, used=1.0
):
    """Outcomes of one round: a share of them lost, the limit used to a share."""
    count = limit.round
    losses = round(count * lost)
    in_flight = round(limit.limit * used)
    return [
        LimitSample(began, None if n < losses else took_s, in_flight, lost=n < losses)
        for n in range(count)
    ]


def loop(limit: AdaptiveLimit, count: int, began: float = 0.0, **more) -> int:
    """Learn from several rounds, a second apart."""
    for number in range(count):
        limit.learn(a_round(limit, began + number, **more), began + number + 0.5)
    return limit.limit


def test_it_grows_by_one_a_round_while_it_is_used():
    assert loop(AdaptiveLimit(BOUNDS), 5) == 105


def test_it_does_not_grow_while_less_than_half_of_it_is_used():
    assert loop(AdaptiveLimit(BOUNDS), 5, used=0.49) == 100


def test_it_stops_at_the_ceiling():
    assert loop(AdaptiveLimit(BOUNDS), 500) == 200


def test_it_falls_by_a_factor_when_calls_are_lost():
    assert loop(AdaptiveLimit(BOUNDS), 1, lost=0.1) == 70


def test_it_stops_at_the_floor():
    assert loop(AdaptiveLimit(BOUNDS), 50, lost=1.0) == 10


def test_it_comes_back_after_the_losses():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 3, lost=0.5)

    assert loop(limit, 100, began=10.0) > 100


def test_a_single_loss_in_a_round_of_a_hundred_is_bad_luck():
    assert loop(AdaptiveLimit(BOUNDS), 1, lost=0.01) == 100


def test_a_single_loss_is_bad_luck_however_short_the_round():
    limit = AdaptiveLimit(BOUNDS._replace(start=10))

    limit.learn([LimitSample(0.0, None, 10, lost=True), *a_round(limit, 0.0)[1:]], 0.5)

    assert limit.limit == 10


def test_losses_are_acted_upon_before_the_round_is_full():
    limits: list[int] = []
    collected = AdaptiveLimitLoop(BOUNDS, limits.append, fakes.FakeClock())

    for _ in range(3):
        collected.note(LimitSample(0.0, None, 100, lost=True))

    assert limits == [70]


def test_losses_that_were_on_the_way_when_it_fell_count_once():
    limit = AdaptiveLimit(BOUNDS)

    for now in (1.0, 1.1, 1.2):
        limit.learn(a_round(limit, began=0.5, lost=0.5), now)

    assert limit.limit == 70


def test_it_shrinks_when_answers_take_much_longer_than_usual_though_none_is_lost():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 10, took_s=0.002)
    before = limit.limit

    after = loop(limit, 5, began=10.0, took_s=0.02)

    assert 10 <= after < 0.7 * before


def test_twice_the_usual_latency_is_not_much_longer():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 10, took_s=0.010)

    assert loop(limit, 5, began=10.0, took_s=0.019) > 100


def test_a_millisecond_more_is_our_own_doing():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 10, took_s=0.0001)

    assert loop(limit, 5, began=10.0, took_s=0.001) > 100


def test_a_cluster_that_is_slower_for_good_becomes_the_usual_in_time():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 10, took_s=0.002)
    loop(limit, 120, began=10.0, took_s=0.02)

    low = limit.limit
    assert loop(limit, 60, began=200.0, took_s=0.02) > low


def test_one_slow_node_of_three_does_not_shrink_it():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 10, took_s=0.001)
    mixed = [
        LimitSample(20.0, 0.3 if number % 3 == 0 else 0.001, 100) for number in range(limit.round)
    ]

    assert limit.learn(mixed, 20.5) > 100


def test_a_reload_with_the_same_start_keeps_what_was_learned():
    limit = AdaptiveLimit(BOUNDS)
    loop(limit, 2, lost=1.0)

    limit.rebound(BOUNDS._replace(ceiling=150))
    kept = limit.limit
    limit.rebound(BOUNDS._replace(start=120))

    assert (kept, limit.limit) == (49, 120)


def test_a_reload_brings_it_between_the_new_bounds():
    limit = AdaptiveLimit(BOUNDS)

    limit.rebound(BOUNDS._replace(ceiling=60))

    assert limit.limit == 60


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.floats(0, 1),
            st.floats(1e-6, 60),
        ),
        max_size=60,
    )
)
def test_it_stays_between_its_bounds_whatever_happens(events):
    limit = AdaptiveLimit(BOUNDS)
    for number, (lost, used, took_s) in enumerate(events):
        before = limit.limit
        limit.learn(
            a_round(limit, float(number), lost=lost, took_s=took_s, used=used), number + 0.5
        )
        assert 10 <= limit.limit <= 200
        assert limit.limit <= before + 1
