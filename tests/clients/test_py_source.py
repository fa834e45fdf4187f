"""What aerospike-py tells of one node, though it asks all of them."""

from __future__ import annotations

from types import SimpleNamespace

import aerospike_py
import pytest

from aerospike_resilience.clients.aerospike_py import source as py_source
from aerospike_resilience.clients.aerospike_py.source import AerospikePySource
from aerospike_resilience.model.operation import NotAskedError


class Answering:
    """A stand-in for the client: answers of `info_all` as it gave them under an exhausted pool."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.answers = answers
        self.address = "10.0.0.1"

    def is_connected(self) -> bool:
        return True

    def get_node_names(self) -> list[str]:
        return list(self.answers)

    def info_all(self, command, policy):
        return [
            SimpleNamespace(
                node_name=name,
                error_code=code,
                response=f"{command}\t{self.address}:3000\n" if code == 0 else text,
            )
            for name, (code, text) in self.answers.items()
        ]


@pytest.mark.parametrize(
    "said",
    [
        {"A2": (0, "")},  # healthy, and forgotten by the client
        {},
        {"A1": (-1, "Too many connections"), "A2": (0, "")},
        {
            "A1": (
                -1,
                "Invalid cluster node: Cannot get a connection for node. The node `A1: ...` is inactive",
            )
        },
    ],
)
def test_a_node_that_our_own_side_kept_a_question_from_was_not_asked(said):
    source = AerospikePySource(Answering(**said))

    with pytest.raises(NotAskedError):
        source.info("A1", "build", 0.1)
    assert source.answers(["A1"], "partition-generation", 0.1) == {"A1": None}


@pytest.mark.parametrize(
    "text",
    [
        "Client Timeout: Timeout reading from the network connection",
        "Unable to communicate with server cluster: Could not open network connection",
    ],
)
def test_a_node_that_was_asked_and_did_not_answer_is_silent(text):
    source = AerospikePySource(Answering(A1=(-1, text), A2=(0, "")))

    with pytest.raises(TimeoutError, match=text.partition(":")[0]):
        source.info("A1", "build", 0.1)
    assert "A1" not in source.answers(["A1", "A2"], "build", 0.1)


def test_a_stalled_node_is_silent_and_the_others_answer(cluster):
    client = aerospike_py.client({"hosts": cluster.hosts}).connect()
    source = AerospikePySource(client)
    cluster.stall("A1")
    try:
        assert source.info("A2", "build", 0.1)
        with pytest.raises(TimeoutError):
            source.info("A1", "build", 0.1)
    finally:
        cluster.resume("A1")
        client.close()


def test_a_node_that_left_and_came_back_elsewhere_is_found_there():
    client = Answering(A1=(0, ""), A2=(0, ""))
    source = AerospikePySource(client)
    source.answers(["A1", "A2"], "build", 0.1)
    assert source.nodes()[0].host == "10.0.0.1"

    client.answers = {"A2": (0, "")}
    source.nodes()
    client.answers, client.address = {"A1": (0, ""), "A2": (0, "")}, "10.0.0.9"
    source.answers(["A1", "A2"], "build", 0.1)

    assert source.nodes()[0].host == "10.0.0.9"


def test_an_address_is_not_believed_for_ever(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(py_source.time, "monotonic", lambda: now)
    client = Answering(A1=(0, ""))
    source = AerospikePySource(client)
    source.answers(["A1"], "build", 0.1)
    client.address = "10.0.0.9"
    source.answers(["A1"], "build", 0.1)
    assert source.nodes()[0].host == "10.0.0.1"

    now += 31.0
    source.answers(["A1"], "build", 0.1)

    assert source.nodes()[0].host == "10.0.0.9"
