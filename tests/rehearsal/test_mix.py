"""The mix of a load follows the shape of a service's traffic."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from aerospike_resilience.model.traffic import (
    NodeTraffic,
    OperationTraffic,
    Traffic,
    TrafficFileError,
)
from aerospike_resilience.rehearsal.mix import HALF_AND_HALF, bins, in_turn, steps

SHOP = Traffic(
    (
        OperationTraffic("get", 300.0, "shop", "carts", record_bytes=900),
        OperationTraffic("batch_read", 100.0, "shop", "items", rows=11.6),
        OperationTraffic("operate", 75.0, "shop", "carts", writes=True),
        OperationTraffic("apply", 25.0, "shop", "carts", writes=True, record_bytes=10**6),
    ),
    {"B1": NodeTraffic(0.4, 2.0)},
    observed_s=5.0,
    concurrency=32,
)


def test_a_file_gives_back_the_shape_that_was_written(tmp_path):
    SHOP.write(tmp_path / "shop.json")

    assert Traffic.read(tmp_path / "shop.json") == SHOP


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"operations": []}, "at least one needs a rate_per_s"),
        ({"operations": 3}, "a list `operations`"),
        ({"version": 9}, "version: this release reads 1"),
        ({"speed": 3}, "unknown key 'speed'"),
        ({"operations": [{"operation": "get"}]}, "operations[0]: missing 1 required"),
        ({"operations": [{"operation": "get", "rate_per_s": "fast"}]}, "rate_per_s is a number"),
        ({"nodes": {"A1": {"p50_ms": -1, "p99_ms": 2}}}, "nodes.A1: p50_ms is a number"),
    ],
)
def test_a_file_that_is_no_shape_is_refused_with_the_key(tmp_path, change, said):
    path = tmp_path / "shop.json"
    path.write_text(json.dumps({**SHOP.as_dict(), **change}))

    with pytest.raises(TrafficFileError) as refused:
        Traffic.read(path)

    assert str(path) in str(refused.value)
    assert said in str(refused.value)


def test_the_mix_has_the_shares_sets_sizes_and_rows_of_the_traffic():
    mix, notes = steps(SHOP)

    assert [(one.operation, one.set, one.share) for one in mix] == [
        ("get", "carts", 0.6),
        ("batch_read", "items", 0.2),
        ("increment", "carts", 0.15),
        ("put", "carts", 0.05),
    ]
    assert [one.rows for one in mix] == [1, 12, 1, 1]
    assert mix[0].record_bytes == 900
    assert [one.writes for one in mix] == [False, False, True, True]
    assert notes == (
        "operate is rehearsed as increment",
        "apply is rehearsed as put",
        "records of apply are cut to 65536 bytes",
    )


def test_another_rate_keeps_the_mix():
    slower = SHOP.at_rate(50)

    assert slower.rate_per_s == pytest.approx(50)
    assert [one.share for one in steps(slower)[0]] == pytest.approx(
        [one.share for one in steps(SHOP)[0]]
    )


def test_steps_come_as_often_as_their_share_and_evenly_spread():
    mix, _ = steps(SHOP)
    taken = [step.operation for step in itertools.islice(in_turn(mix), 1000)]

    counted = Counter(taken)
    assert {name: round(count, -1) for name, count in counted.items()} == {
        "get": 600,
        "batch_read": 200,
        "increment": 150,
        "put": 50,
    }
    alternate = [step.operation for step in itertools.islice(in_turn(HALF_AND_HALF), 6)]
    assert alternate in (["get", "put"] * 3, ["put", "get"] * 3)


def test_a_record_has_the_bytes_of_the_service_and_a_number_that_grows():
    assert bins(7, 0) == {"n": 7}
    assert len(bins(7, 300)["data"]) == 300
