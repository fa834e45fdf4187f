"""A failure speaks against the node that caused it, and against no other."""

from __future__ import annotations

import pytest

from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from aerospike_resilience.nodes.blame import NOTHING, weigh
from tests import fakes

OWNERS = ("A1", "A2")


def failed_call(operation=fakes.PUT, took_s=0.25, **plan_settings):
    call = fakes.call(
        fakes.plan(operation, total_timeout_s=0.25, socket_timeout_s=0.25, **plan_settings)
    )
    call.now = 100.0 + took_s
    return call


def evidence(call, failure=fakes.TIMEOUT, alive=()):
    return weigh(call, failure, OWNERS, 100.0, lambda name, _since, *, as_replica: name in alive)


def test_a_write_kept_waiting_by_its_replica_does_not_speak_against_its_master():
    found = evidence(failed_call(), alive={"A1"})

    assert (found.suspects, found.hard) == (("A2",), True)


def test_a_write_of_which_nobody_answered_anything_leaves_both_suspect():
    assert evidence(failed_call()).suspects == OWNERS


def test_a_write_whose_nodes_both_live_speaks_against_nobody():
    assert evidence(failed_call(), alive={"A1", "A2"}).suspects == ()


def test_a_timeout_that_was_cut_short_is_soft():
    assert not evidence(failed_call(took_s=0.05)).hard


def test_waiting_in_vain_for_a_connection_is_soft_however_long_it_took():
    failure = Failure(FailureKind.TIMEOUT, fault=Fault.NODE, soft=True)

    assert evidence(failed_call(), failure) == (OWNERS, False, False)


def test_a_server_that_answers_timeout_is_alive_so_its_replica_is_suspect():
    found = evidence(
        failed_call(took_s=0.01), Failure(FailureKind.SERVER_TIMEOUT, fault=Fault.NODE, code=9)
    )

    assert (found.suspects, found.hard) == (("A2",), True)


def test_a_read_speaks_against_the_nodes_it_tried():
    call = failed_call(fakes.GET, failover=True, native_retries=1)

    assert evidence(call, Failure(FailureKind.TIMEOUT, fault=Fault.NODE, tries=1)).suspects == (
        "A1",
    )
    assert (
        evidence(call, Failure(FailureKind.TIMEOUT, fault=Fault.NODE, tries=2)).suspects == OWNERS
    )


@pytest.mark.parametrize("kind", [FailureKind.CONNECTION, FailureKind.OVERLOAD])
def test_a_node_that_refuses_or_resets_names_itself(kind):
    found = evidence(failed_call(), Failure(kind, fault=Fault.NODE, node="A3"))

    assert found == (("A3",), True, True)


@pytest.mark.parametrize(
    "kind",
    [
        FailureKind.RECORD,
        FailureKind.CONFLICT,
        FailureKind.CALLER,
        FailureKind.SECURITY,
        FailureKind.POOL_EXHAUSTED,
        FailureKind.NATIVE_BREAKER,
        FailureKind.REFUSED,
        FailureKind.BUSY,
    ],
)
def test_what_is_not_a_nodes_fault_speaks_against_nobody(kind):
    assert evidence(failed_call(), Failure(kind, fault=Fault.LOCAL)) == NOTHING


def test_a_node_that_only_replicates_is_not_cleared_as_a_master():
    """Slow to clients, quick to its peers: what it takes over from masters says nothing for it."""
    call = failed_call()
    found = weigh(
        call, fakes.TIMEOUT, OWNERS, 100.0, lambda _name, _since, *, as_replica: as_replica
    )

    assert found.suspects == ("A1",)
