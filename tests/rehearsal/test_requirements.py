"""Requirements: conditions on figures, as a gate for CI."""

from __future__ import annotations

import pytest

from aerospike_resilience.rehearsal.requirements import Requirement, RequirementError


def phase(failed: int, p99_ms: float | None) -> dict:
    return {"failed": failed, "error_share": failed / 100, "p99_ms": p99_ms}


def figures(*, failed: int = 0, p99_ms: float | None = 10.0, closed: float | None = 0.5) -> dict:
    def result(role: str, share: float) -> dict:
        return {
            "variant": role,
            "closed_after_s": closed,
            "phases": {
                name: {
                    "reads": phase(failed if name == "during" else 0, p99_ms and p99_ms * share),
                    "writes": phase(0, 1.0),
                }
                for name in ("before", "during", "after")
            },
        }

    results = [result("old", 0.5), result("new", 1.0)]
    return {"faults": [{"fault": fault, "results": results} for fault in ("stall", "kill")]}


def shortfalls(text: str, **changed) -> list[str]:
    return [one.where for one in Requirement.parse(text).check(figures(**changed))]


def test_a_requirement_holds_for_every_fault_and_phase_that_it_does_not_name():
    assert shortfalls("reads.failed <= 0") == []
    assert shortfalls("reads.failed <= 0", failed=3) == ["stall, during", "kill, during"]
    assert shortfalls("kill.reads.failed <= 0", failed=3) == ["kill, during"]
    assert shortfalls("after.reads.failed <= 0", failed=3) == []


def test_a_limit_may_be_a_share_or_in_terms_of_the_old_profile():
    assert shortfalls("reads.error_share <= 3%", failed=3) == []
    assert shortfalls("reads.error_share < 3%", failed=3) != []
    assert shortfalls("stall.before.reads.p99_ms <= old * 2") == []
    assert shortfalls("stall.before.reads.p99_ms <= old * 1.9") == ["stall, before"]
    assert shortfalls("stall.before.reads.p99_ms <= old + 4") == ["stall, before"]
    assert shortfalls("writes.p99_ms <= old") == []


def test_a_figure_that_is_missing_meets_no_requirement():
    assert shortfalls("stall.during.reads.p99_ms < 50", p99_ms=None) == ["stall, during"]
    assert shortfalls("stall.closed_after_s < 3", closed=None) == ["stall"]


def test_a_shortfall_says_what_was_required_where_and_what_was_found():
    (found,) = Requirement.parse("kill.reads.failed <= 0").check(figures(failed=3))

    assert str(found) == "not met (kill, during): kill.reads.failed <= 0; it is 3"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("reads are fine", "is no requirement"),
        ("reads.failed <= ", "is no requirement"),
        ("reads.p99_ms <= old 3", "write old * 3 or old + 3"),
        ("reads.p98_ms <= 3", "'p98_ms' is none of calls, failed"),
        ("p99_ms <= 3", "write reads.p99_ms or writes.p99_ms"),
        ("fire.reads.failed <= 3", "'fire' is none of stall, kill"),
    ],
)
def test_what_is_no_requirement_is_refused_with_the_way_to_write_it(text, said):
    with pytest.raises(RequirementError) as refused:
        Requirement.parse(text)

    assert said in str(refused.value)
