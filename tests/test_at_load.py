"""One node fails under a service's load, with clients in their default configuration, bare and wrapped in
turn.

What else the machine does can only make the wrapped client look worse: its calls wait less for a node. So
each comparison has to hold in one of a few runs.
"""

from __future__ import annotations

import math

import pytest

from benchmarks.at_load.comparison import compare
from benchmarks.at_load.load import Load
from benchmarks.at_load.nodes import Nodes
from benchmarks.at_load.outcomes import Part, Times

pytestmark = pytest.mark.alone

TIMES = Times(before=0.5, fault=2.0, after=0.6)
RUNS = 3


def luck(part: Part) -> float:
    """How far chance may move a share of failures, in percent."""
    share, calls = part.failed / 100, max(part.made, 1.0) * TIMES.fault
    return 400 * math.sqrt(share * (1 - share) / calls) + 1.0


def held(
    client: str,
    fault: str,
    *checks,
    profile="latency",
    overrides=None,
    load=Load(rate=1000.0),  # noqa: B008 - immutable
) -> list[str]:
    """Run until all checks of the bare and the wrapped parts hold; return what failed in the last run."""
    problems: list[str] = []
    for _ in range(RUNS):
        runs = compare(
            *(client, fault, Nodes),
            profile=profile,
            load=load,
            times=TIMES,
            overrides=overrides,
        )
        parts = dict(runs)
        problems = [said for check in checks if (said := check(parts["bare"], parts["wrapped"]))]
        if not problems:
            break
    return problems


def no_more_fail(kind: str):
    def check(bare, wrapped) -> str:
        theirs, ours = bare[kind], wrapped[kind]
        if ours.failed <= theirs.failed + luck(theirs):
            return ""
        return f"{kind}: {ours.failed:.1f} % failed, bare {theirs.failed:.1f} %: {ours.told}"

    return check


def as_many_succeed(kind: str):
    def check(bare, wrapped) -> str:
        theirs, ours = bare[kind], wrapped[kind]
        if ours.served >= 0.8 * theirs.served:
            return ""
        return f"{kind}: {ours.served:.0f} a second succeed, bare {theirs.served:.0f}: {ours.told}"

    return check


def test_a_flapping_node_costs_a_client_with_its_own_narrow_breaker_nothing():
    checks = no_more_fail("reads fault"), no_more_fail("writes fault"), no_more_fail("reads after")
    hasty = {"adaptive_timeout": {"min": "5ms", "max": "5ms"}}
    checks = *checks, as_many_succeed("reads fault")
    assert held("aerospike", "flap", *checks, overrides=hasty, load=Load(rate=2000.0)) == []


def test_a_killed_node_costs_reads_nothing_and_no_write_that_the_bare_client_makes():
    def nearly_all(_bare, wrapped) -> str:
        part = wrapped["reads fault"]
        return "" if part.failed < 2.0 else f"reads: {part.failed:.1f} % failed: {part.told}"

    def refused_at_once(_bare, wrapped) -> str:
        part = wrapped["writes fault"]
        timed_out = part.failed - part.refused
        return "" if timed_out < 15.0 else f"writes: {timed_out:.1f} % not refused: {part.told}"

    checks = nearly_all, refused_at_once, as_many_succeed("writes fault")
    client = "aerospike-native (awaited)"
    assert held(client, "kill", no_more_fail("reads fault"), *checks) == []


def test_a_pause_of_all_nodes_shuts_none_of_them():
    """If all reads under way left their nodes, the client's own breaker would refuse all others."""

    checks = *map(no_more_fail, ("reads fault", "writes fault")), as_many_succeed("reads fault")
    many = Load(rate=2500.0, tasks=400, writes=0.1)
    assert held("aerospike-native (awaited)", "freeze", *checks, load=many) == []


def test_under_default_calls_that_wait_for_a_stalled_node_leave_room_for_the_others():
    def none_refused_by_the_gate(_bare, wrapped) -> str:
        errors = wrapped["reads fault"].errors
        found = sum(count for name, count in errors.items() if "Backpressure" in name)
        return f"{found} reads found the gate full" if found else ""

    checks = no_more_fail("reads fault"), none_refused_by_the_gate
    assert held("aerospike-native (awaited)", "stall", *checks, profile="default") == []
