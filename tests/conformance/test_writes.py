"""The contract for every client: writes in doubt, and conditions that their own first try broke."""

from __future__ import annotations

import pytest

from tests.patience import SECOND_A_TRY

# ----- 4. in doubt


def test_a_write_in_doubt_is_sent_again_only_if_that_is_harmless(healthy, surface):
    surface.put(1, {"n": 1})

    with healthy.inject(op="write", answer="drop", count=1):
        surface.put(1, {"n": 5})
    with healthy.inject(op="write", answer="drop", count=1), pytest.raises(surface.error):
        surface.increment(1)

    assert surface.raw_get(1)["n"] == 6  # set to 5 once or twice, incremented once


# ----- creating, for the first time and again


def test_creating_what_exists_is_the_clients_own_error(surface):
    surface.put(77, {"n": 1})

    with pytest.raises(surface.exists_already):
        surface.create(77, {"n": 2})


def can_be_looked_up(surface) -> bool:
    return not surface.name.startswith("aerospike-sdk")  # whose builders send operations, not a put


@pytest.mark.parametrize("applied", [True, False])
def test_a_conditional_write_in_doubt_is_settled_by_a_look(healthy, opened, applied):
    surface = opened(overrides={**SECOND_A_TRY, "retry": {"in_doubt": "verify"}})
    if not can_be_looked_up(surface):
        pytest.skip("an insert of the SDK is an operate, which cannot be looked up")
    surface.remove("new")

    with healthy.inject(op="write", answer="drop", applied=applied, count=1):
        surface.create("new", {"n": 1})

    assert surface.raw_get("new") == {"n": 1}


def test_without_a_look_a_conditional_write_stays_in_doubt(healthy, surface):
    surface.remove("new")

    with healthy.inject(op="write", answer="drop", count=1), pytest.raises(surface.error) as caught:
        surface.create("new", {"n": 1})

    assert caught.value.in_doubt


def test_somebody_elses_record_is_no_success(healthy, opened):
    surface = opened(overrides={**SECOND_A_TRY, "retry": {"in_doubt": "verify"}})
    surface.put("taken", {"n": 2})

    with (
        healthy.inject(op="write", answer="drop", count=1),
        pytest.raises(surface.error),
    ):
        surface.create("taken", {"n": 1})

    assert surface.raw_get("taken")["n"] == 2


# ----- the echo of a write that was sent again


def test_a_conflict_answered_to_a_write_that_was_sent_again_is_in_doubt(healthy, surface):
    surface.remove("echo")

    with (
        healthy.inject(op="write", answer="drop", applied=True, count=1),
        surface.resilience.using(idempotent=True, overrides=SECOND_A_TRY),
        pytest.raises(surface.exists_already) as caught,
    ):
        surface.create("echo", {"n": 1})

    assert caught.value.in_doubt
    assert surface.raw_get("echo") == {"n": 1}


def test_a_conflict_answered_to_the_first_try_is_not_in_doubt(surface):
    surface.put("echo", {"n": 2})

    with (
        surface.resilience.using(idempotent=True, overrides=SECOND_A_TRY),
        pytest.raises(surface.exists_already) as caught,
    ):
        surface.create("echo", {"n": 1})

    assert not getattr(caught.value, "in_doubt", False)
