"""The tables of docs/benchmarks.md come from what a run wrote."""

from __future__ import annotations

from benchmarks import telemetry
from benchmarks.chain import BARE_MISS, BUDGETS
from benchmarks.clients import Pair
from benchmarks.table import PAGE, written

PLACES = "before\n<!-- measured: {0} -->\nold\n<!-- /measured -->\nafter\n"


def pair(**more):
    return {
        "name": "aerospike, threads",
        "bare_us": 12.0,
        "wrapped_us": 13.0,
        "quiet": 0.08,
        "lost": 0.09,
        "quartiles": [0.07, 0.11],
        "lost_cpu": 0.08,
        "cpu_quartiles": [0.07, 0.1],
        "noisy": False,
        **more,
    }


def test_a_form_is_compared_with_pybreaker_and_its_budget():
    names = ("bare call", "pybreaker", BARE_MISS, *BUDGETS)
    ns = dict.fromkeys(names, 530) | {"bare call": 30, "pybreaker": 1030, BARE_MISS: 330}
    figures = [{"name": name, "ns": found} for name, found in ns.items()]

    page = written(PLACES.format("chain"), {"chain": {"figures": figures}})

    assert "| **resilient, no SDK** | 500 | 0.50 | 0.35 |" in page
    assert "| **resilient, a missing record** | 200 | 0.20 | 4.00 |" in page
    assert "old" not in page
    assert (page.startswith("before\n"), page.endswith("after\n")) == (True, True)


def test_telemetry_is_compared_with_the_same_call_without_an_sdk():
    ns = {telemetry.NONE: 600, telemetry.METRICS: 2600, telemetry.MISS: 4000}
    ns |= {telemetry.MISS_METRICS: 7000, telemetry.SDK_RECORD: 8000}
    figures = [{"name": name, "ns": found} for name, found in ns.items()]

    page = written(PLACES.format("telemetry"), {"telemetry": {"figures": figures}})

    assert "| **resilient, metrics** | 2,600 | 2,000 |" in page
    assert "| **resilient, a miss, metrics** | 7,000 | 3,000 |" in page
    assert "| SDK: record | 8,000 |  |" in page


def test_a_noisy_run_says_so():
    benches = {"clients": {"figures": [pair(), pair(name="another", noisy=True)]}}

    page = written(PLACES.format("clients"), benches)

    quiet, noisy = (line for line in page.splitlines() if " µs " in line)
    assert "9% (7 to 11) |" in quiet
    assert "9% (7 to 11) (too noisy) |" in noisy
    assert "TOO NOISY" in str(Pair(**{**pair(noisy=True), "bare_cpu_us": 1, "wrapped_cpu_us": 1}))


def test_what_was_not_measured_stays():
    assert "old" in written(PLACES.format("chain"), {})


def test_the_page_has_a_place_for_each_table():
    assert all(
        f"<!-- measured: {name} -->" in PAGE.read_text() for name in ("chain", "awaited", "clients")
    )
