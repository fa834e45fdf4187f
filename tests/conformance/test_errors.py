"""Our errors pass for the client's own: by what code reads from them, and wherever they are sent."""

from __future__ import annotations

import copy
import pickle

import pytest

from aerospike_resilience import (
    BackpressureError,
    CircuitOpenError,
    DeadlineExceededError,
    ResilienceError,
    deadline,
)
from tests.conformance.surfaces import learned
from tests.patience import NEVER_LATE
from tests.test_errors_travel import told_by

NARROW = {
    **NEVER_LATE,
    "policy": {
        **NEVER_LATE["policy"],
        "reads": {"total_timeout": "1s", "socket_timeout": "1s", "max_retries": 0},
    },
    "backpressure": {"operation_queue_timeout": "20ms"},
}


def refused_for_the_deadline(surface) -> Exception:
    with deadline(0.0), pytest.raises(DeadlineExceededError) as caught:
        surface.put(1, {"n": 1})
    return caught.value


def refused_for_a_node(surface) -> Exception:
    learned(surface)
    names = list(surface.resilience.nodes)
    for name in names:
        surface.resilience.isolate(name)
    try:
        with pytest.raises(CircuitOpenError) as caught:
            surface.put(1, {"n": 1})
    finally:
        for name in names:
            surface.resilience.release(name)
    return caught.value


def refused_by_the_gate(surface) -> Exception:
    gate = surface.resilience._engine.shared.gates.main
    permits = [gate.permits.pop() for _ in range(len(gate.permits))]
    try:
        with pytest.raises(BackpressureError) as caught:
            surface.put(1, {"n": 1})
    finally:
        gate.permits.extend(permits)
    return caught.value


REFUSALS = (refused_for_the_deadline, refused_for_a_node, refused_by_the_gate)


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda refused: refused.__name__)
@pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_a_refusal_survives_every_way(opened, refused, way):
    error = refused(opened(overrides=NARROW))

    assert told_by(way(error)) == told_by(error)
    assert error.operation
    assert error.profile == "latency"


THEIRS: dict[str, BaseException] = {}
"""By client, as each waits for its timeout."""


def the_clients_own(healthy, surface) -> BaseException:
    """What the client itself raises when its timeout passes."""
    if surface.name not in THEIRS:
        THEIRS[surface.name] = timed_out(healthy, surface)
    return THEIRS[surface.name]


def timed_out(healthy, surface) -> BaseException:
    with healthy.inject(op="get", answer="drop"), pytest.raises(surface.error) as caught:
        surface.get(1)
    assert not isinstance(caught.value, ResilienceError)
    return caught.value


def public(error: BaseException) -> set[str]:
    return {name for name in dir(error) if not name.startswith("_")}


OF_SOME_CASES = {"attempts", "key", "bin", "subcode", "client"}
"""What only some of a client's errors have: those about a record, a timeout, or a call that was sent."""


@pytest.mark.parametrize("refused", REFUSALS, ids=lambda refused: refused.__name__)
def test_what_code_reads_from_the_clients_error_it_reads_from_ours(healthy, opened, refused):
    surface = opened(overrides=NARROW)
    surface.put(1, {"n": 1})
    theirs = the_clients_own(healthy, surface)

    ours = refused(surface)

    assert public(theirs) - public(ours) <= OF_SOME_CASES
    assert "put" in str(ours)
    if isinstance(theirs.args[0], int):
        code, text, *rest = ours.args
        assert (code, text) == (ours.code, str(ours))
        assert len(rest) == len(theirs.args) - 2
        assert rest[-1] is ours.in_doubt is False
    else:
        assert ours.args == (str(ours),)


def test_the_code_of_a_deadline_is_the_clients_code_of_a_timeout(opened):
    error = refused_for_the_deadline(opened(overrides=NARROW))

    codes = {"code", "result_code"} & public(error)
    assert {int(getattr(error, name)) for name in codes} <= {9, -1}  # aerospike-py: its own timeout
    assert codes
