"""The partition map is merged from what every node says it holds."""

from __future__ import annotations

import base64

import pytest

from aerospike_resilience.nodes.partitions import EMPTY, PARTITIONS


def bitmap(*partitions: int) -> str:
    bits = bytearray(PARTITIONS // 8)
    for partition in partitions:
        bits[partition >> 3] |= 0x80 >> (partition & 7)
    return base64.b64encode(bits).decode()


def test_owners_are_the_master_and_then_its_replicas():
    found = EMPTY.merged(
        {
            "A1": f"test:0,2,{bitmap(0, 1)},{bitmap(4095)}",
            "A2": f"test:0,2,{bitmap(4095)},{bitmap(0)}",
        }
    )

    assert found.owners("test", 0) == ("A1", "A2")
    assert found.owners("test", 1) == ("A1",)
    assert found.owners("test", 4095) == ("A2", "A1")
    assert found.owners("test", 7) == ()
    assert found.owners("bar", 0) == ()


def test_a_node_that_does_not_answer_keeps_what_nobody_else_claims():
    before = EMPTY.merged(
        {"A1": f"test:0,2,{bitmap(0)},{bitmap(1, 2)}", "A2": f"test:0,2,{bitmap(1, 2)},{bitmap(0)}"}
    )

    after = before.merged({"A1": f"test:0,2,{bitmap(0, 1)},{bitmap(2)}"})

    assert after.owners("test", 0) == ("A1", "A2")
    assert after.owners("test", 1) == ("A1",)
    assert after.owners("test", 2) == ("A2", "A1")


def test_several_namespaces_are_kept_apart():
    found = EMPTY.merged({"A1": f"test:0,1,{bitmap(3)};bar:0,1,{bitmap(5)}"})

    assert found.namespaces == ("bar", "test")
    assert (found.owners("test", 3), found.owners("bar", 3)) == (("A1",), ())
    assert found.shares("A1") == {"bar": 1 / PARTITIONS, "test": 1 / PARTITIONS}
    assert found.nodes() == {"A1"}


@pytest.mark.parametrize("text", ["test", "test:0,2,###", "test:0,1,AAAA", "test:0"])
def test_an_answer_that_is_none_is_refused_and_names_the_node(text):
    with pytest.raises(ValueError, match="A1"):
        EMPTY.merged({"A1": text})


def test_a_node_that_returns_with_its_old_map_does_not_take_partitions_from_their_new_master():
    survivors = EMPTY.merged({"A1": f"test:0,1,{bitmap(0, 1)}"})

    found = survivors.merged({"A1": f"test:0,1,{bitmap(0, 1)}", "A2": f"test:0,1,{bitmap(1)}"})

    assert found.owners("test", 1) == ("A1",)
    assert found.merged({"A1": f"test:0,1,{bitmap(0)}", "A2": f"test:0,1,{bitmap(1)}"}).owners(
        "test", 1
    ) == ("A2",)
