"""The simulation of one process agrees with a rehearsal within 15 %.

The cheap test compares with figures of a rehearsal that was measured once. The soak measures anew.
"""

from __future__ import annotations

from statistics import median

import pytest

from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.rehearsal import rehearse, subjects
from aerospike_resilience.simulation import simulate

FAULTS = ("stall", "kill", "slow", "flap")
RATE = 400.0
WITHIN = 0.15
SEEDS = range(1, 10)

FIGURES = [
    (kind, name)
    for kind in ("reads", "writes")
    for name in ("served_per_s", "requests_per_operation")
]
"""What is compared, during the fault. Not the p99: a busy machine adds to it what no model knows."""

MEASURED = {
    "stall": {
        ("reads", "served_per_s"): 279.4,
        ("reads", "requests_per_operation"): 1.006,
        ("writes", "served_per_s"): 50.3,
        ("writes", "requests_per_operation"): 0.448,
    },
    "kill": {
        ("reads", "served_per_s"): 279.5,
        ("reads", "requests_per_operation"): 1.01,
        ("writes", "served_per_s"): 64.8,
        ("writes", "requests_per_operation"): 0.591,
    },
    "slow": {
        ("reads", "served_per_s"): 279.7,
        ("reads", "requests_per_operation"): 1.243,
        ("writes", "served_per_s"): 41.7,
        ("writes", "requests_per_operation"): 0.374,
    },
    "flap": {
        ("reads", "served_per_s"): 279.9,
        ("reads", "requests_per_operation"): 1.104,
        ("writes", "served_per_s"): 120.3,
        ("writes", "requests_per_operation"): 0.994,
    },
}
"""Medians of three rehearsals of the profile `latency` at 400 calls a second."""


def simulated(fault: str, seeds=SEEDS) -> dict[tuple[str, str], float]:
    """Return the medians of several seeds."""
    library = PolicyLibrary()
    subject = simulate.Subject("new", "latency", library.load("latency"))
    runs = [
        simulate.simulate(simulate.Scenario([subject], [fault], rate=RATE, seed=seed))
        for seed in seeds
    ]
    return medians(runs)


def medians(runs) -> dict[tuple[str, str], float]:
    """Return the medians of the figures of several runs of one fault."""
    parts = [one["faults"][0]["results"][0]["phases"]["during"] for one in runs]
    return {(kind, name): median(part[kind][name] for part in parts) for kind, name in FIGURES}


@pytest.mark.parametrize(
    ("fault", "seeds"),
    [
        ("stall", (1,)),
        ("kill", (2, 3, 4)),
        ("slow", (3,)),
        ("flap", (1,)),
    ],  # chance matters most to kill
)
def test_one_simulated_process_agrees_with_what_was_measured_once(fault, seeds):
    assert simulated(fault, seeds) == {
        figure: pytest.approx(value, rel=WITHIN) for figure, value in MEASURED[fault].items()
    }


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS)
def test_one_simulated_process_agrees_with_a_rehearsal(fault):
    library = PolicyLibrary()
    subject = subjects.Subject("new", "latency", library.load("latency"), library.directories)
    plan = rehearse.Plan([subject], [fault], rate=RATE)

    measured = medians([rehearse.rehearse(plan) for _ in range(3)])

    assert simulated(fault) == {
        figure: pytest.approx(value, rel=WITHIN) for figure, value in measured.items()
    }
