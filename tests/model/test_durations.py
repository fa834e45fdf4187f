"""Durations: what a float in seconds is in a client's whole milliseconds, and back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aerospike_resilience.model.durations import (
    NO_LIMIT_MS,
    NO_LIMIT_S,
    limit_ms_to_s,
    limit_s_to_ms,
    limit_s_to_ms_rounded_down,
    ms_to_s,
    remaining_whole_ms,
    s_to_ms,
    s_to_shown_ms,
    s_to_whole_ms,
)

A_DAY_MS = 24 * 3_600_000
WHOLE_MS = st.integers(1, A_DAY_MS)
POSITIVE_S = st.floats(min_value=0, max_value=86_400, exclude_min=True)
FINITE_S = st.floats(min_value=-86_400, max_value=86_400)


@given(WHOLE_MS)
def test_a_limit_in_whole_milliseconds_survives_the_way_through_seconds(limit_ms):
    limit_s = limit_ms_to_s(limit_ms)

    assert limit_s_to_ms(limit_s) == limit_ms
    assert limit_s_to_ms_rounded_down(limit_s) == limit_ms
    assert s_to_whole_ms(ms_to_s(limit_ms)) == limit_ms
    assert remaining_whole_ms(limit_s) == limit_ms


@pytest.mark.parametrize("unlimited", [0, -1, None, "1s", 1.5])
def test_what_is_no_positive_whole_number_is_no_limit(unlimited):
    assert limit_ms_to_s(unlimited) == NO_LIMIT_S


def test_no_limit_survives_both_ways():
    assert limit_s_to_ms(NO_LIMIT_S) == limit_s_to_ms_rounded_down(NO_LIMIT_S) == NO_LIMIT_MS
    assert limit_ms_to_s(NO_LIMIT_MS) == NO_LIMIT_S


@given(POSITIVE_S)
def test_a_positive_time_never_becomes_no_limit(duration_s):
    assert limit_s_to_ms(duration_s) >= 1
    assert limit_s_to_ms_rounded_down(duration_s) >= 1
    assert s_to_whole_ms(duration_s) >= 1


@given(FINITE_S)
def test_a_time_that_is_over_never_becomes_no_limit(duration_s):
    assert limit_s_to_ms(duration_s) >= 1
    assert limit_s_to_ms_rounded_down(duration_s) >= 1


@given(POSITIVE_S)
def test_a_limit_that_somebody_chose_is_rounded_to_the_nearest(duration_s):
    assert abs(limit_s_to_ms(duration_s) - duration_s * 1000) <= 0.5 or duration_s < 0.001


@given(POSITIVE_S)
def test_a_limit_rounded_down_does_not_outlast_its_time(duration_s):
    rounded_ms = limit_s_to_ms_rounded_down(duration_s)

    assert rounded_ms == 1 or duration_s * 1000 - 1 < rounded_ms <= duration_s * 1000 + 1e-6


@given(FINITE_S)
def test_what_remains_is_rounded_down_to_nothing(remaining_s):
    remaining_ms = remaining_whole_ms(remaining_s)

    assert 0 <= remaining_ms <= max(remaining_s * 1000 + 1e-6, 0)
    assert remaining_ms > 0 or remaining_s < 0.001


def test_no_pause_stays_no_pause():
    assert s_to_whole_ms(0) == 0
    assert s_to_ms(0) == ms_to_s(0) == 0


@given(POSITIVE_S)
def test_seconds_and_milliseconds_undo_each_other(duration_s):
    assert math.isclose(ms_to_s(s_to_ms(duration_s)), duration_s)


def test_snapshots_show_microseconds():
    assert s_to_shown_ms(0.0012345678) == 1.235
    assert s_to_shown_ms(None) is None
