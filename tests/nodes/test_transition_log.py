"""What is logged of a node's changes: the end of each trouble, and no flood."""

from __future__ import annotations

import logging

import pytest

from aerospike_resilience.concurrency.notices import Notices
from aerospike_resilience.model.identity import ClientIdentity
from aerospike_resilience.nodes.transition_log import QUIET_S, TransitionLog
from tests import fakes

CLOSED, HALF_OPEN, OPEN, ISOLATED = "closed", "half-open", "open", "isolated"


class Node:
    """One node whose changes are logged."""

    def __init__(self) -> None:
        self.clock = fakes.FakeClock()
        self.refused = {"A1": 0}
        self.state = CLOSED
        self.log = TransitionLog(
            ClientIdentity("carts", "latency"), Notices(), self.clock, self.refused.__getitem__
        )

    def become(self, state: str, why: str = "silence", *, by_human: bool = False) -> None:
        old, self.state = self.state, state
        self.log.changed("A1", old, state, why, by_human=by_human)

    def flap(self, seconds: float, every_s: float = 0.5) -> None:
        for _ in range(int(seconds / every_s)):
            self.become(OPEN if self.state == CLOSED else CLOSED)
            self.log.tend()
            self.clock.pass_s(every_s)


@pytest.fixture
def node():
    return Node()


@pytest.fixture
def records(caplog):
    caplog.set_level(logging.DEBUG, logger="aerospike_resilience.nodes")
    return lambda: [
        one for one in caplog.records if getattr(one, "aerospike_client", "") == "carts"
    ]


def warnings(records) -> list[str]:
    return [
        one.getMessage().partition(": ")[2] for one in records() if one.levelno == logging.WARNING
    ]


def test_a_recovery_is_logged_at_the_level_of_the_outage_with_what_it_cost(node, records):
    node.become(OPEN)
    node.clock.pass_s(1)
    node.become(HALF_OPEN)
    node.become(OPEN)
    node.refused["A1"] = 41
    node.clock.pass_s(2.2)
    node.become(HALF_OPEN)
    node.become(CLOSED, "answered")

    assert warnings(records) == [
        "node A1: closed -> open (silence)",
        "node A1: half-open -> closed (answered) after 3.2 s, 41 calls refused",
    ]
    last = records()[-1]
    assert (last.aerospike_node, last.aerospike_state_from, last.aerospike_state_to) == (
        *("A1", HALF_OPEN, CLOSED),
    )
    assert (last.aerospike_lasted_s, last.aerospike_refused) == (pytest.approx(3.2), 41)
    assert (last.aerospike_reason, last.aerospike_client, last.aerospike_profile) == (
        *("answered", "carts", "latency"),
    )


def test_half_an_hour_of_flapping_is_a_line_in_ten_seconds(node, records):
    node.flap(1800)

    assert 1800 / QUIET_S - 10 <= len(warnings(records)) <= 1800 / QUIET_S + 2
    assert (
        warnings(records)[2] == "node A1 flaps: opened 10 times in 10.0 s, is closed now (silence)"
    )


def test_the_last_word_on_a_node_that_flapped_is_that_it_recovered(node, records):
    node.flap(5)
    assert node.state == CLOSED
    for _ in range(10):
        node.clock.pass_s(1)
        node.log.tend()

    assert warnings(records)[-1].endswith("is closed now (silence)")
    assert len(warnings(records)) == 3


def test_what_was_held_back_is_logged_when_the_client_closes(node, records):
    node.flap(5)
    node.log.close()
    node.log.close()

    assert [text for text in warnings(records) if "is closed now" in text] == warnings(records)[2:]
    assert len(warnings(records)) == 3


def test_what_a_human_ordered_is_always_logged(node, records):
    node.flap(2)
    node.become(ISOLATED, "by hand", by_human=True)
    node.become(CLOSED, "by hand", by_human=True)

    assert ["by hand" in text for text in warnings(records)[-2:]] == [True, True]
    assert warnings(records)[-1].startswith("node A1: isolated -> closed (by hand) after 0.0 s")


def test_two_troubles_far_apart_have_two_lines_each(node, records):
    for _ in range(2):
        node.become(OPEN)
        node.clock.pass_s(3)
        node.become(CLOSED)
        node.clock.pass_s(60)
        node.log.tend()

    assert len(warnings(records)) == 4


def test_a_clock_that_is_set_back_silences_no_node(node, records):
    node.become(OPEN)
    node.become(CLOSED)
    node.clock.pass_s(-3600)
    node.become(OPEN)

    assert len(warnings(records)) == 3


def test_a_node_that_leaves_while_open_is_followed_until_it_is_back(node, records):
    node.become(OPEN)
    node.clock.pass_s(2)
    node.refused["A1"] = 7
    node.log.left("A1")
    node.clock.pass_s(30)
    node.log.joined("A1")

    assert warnings(records)[1:] == [
        "node A1 left the cluster, open for 2.0 s, 7 calls refused",
        "node A1 is back in the cluster after 30.0 s",
    ]


def test_a_node_that_leaves_in_health_is_no_warning(node, records):
    node.log.joined("A1")
    node.log.left("A1")
    node.log.joined("A1")

    assert [one.levelname for one in records()] == ["INFO", "INFO"]
