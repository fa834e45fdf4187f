"""A mock of a client, or a stand-in that answers nonsense, is refused with words that say what to do."""

from __future__ import annotations

from unittest import mock

import aerospike
import aerospike_py
import aerospike_sdk
import aerospike_sdk.sync
import pytest

from aerospike_resilience import NotAClientError, resilient
from tests.conformance.surfaces import native

CLASSES = {
    "aerospike": aerospike.Client,
    "aerospike-py": aerospike_py.Client,
    "aerospike-py-async": aerospike_py.AsyncClient,
    "aerospike-native": native.Client,
    "aerospike-sdk cluster": aerospike_sdk.Cluster,
    "aerospike-sdk session": aerospike_sdk.Session,
    "aerospike-sdk sync cluster": aerospike_sdk.sync.Cluster,
}
MOCKS = {
    "Mock": lambda cls: mock.Mock(spec=cls),
    "MagicMock": lambda cls: mock.MagicMock(spec=cls),
    "AsyncMock": lambda cls: mock.AsyncMock(spec=cls),
    "NonCallableMock": lambda cls: mock.NonCallableMock(spec=cls),
    "spec_set": lambda cls: mock.Mock(spec_set=cls),
    "autospec": lambda cls: mock.create_autospec(cls, instance=True),
}


@pytest.mark.parametrize("make", MOCKS.values(), ids=MOCKS)
@pytest.mark.parametrize("cls", CLASSES.values(), ids=CLASSES)
def test_a_mock_is_refused_with_a_way_out(cls, make):
    with pytest.raises(NotAClientError, match="mock") as refusal:
        resilient(make(cls))
    assert "LocalCluster" in str(refusal.value)
    assert "adapter=" in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["aerospike", "aerospike-py", "aerospike-py-async", "aerospike-native", "aerospike-sdk"]
)
def test_a_mock_for_a_named_adapter_is_wrapped_or_refused_clearly(name):
    cls = {one: cls for one, cls in CLASSES.items() if " " not in one}.get(
        name, aerospike_sdk.Cluster
    )
    try:
        client = resilient(mock.Mock(spec=cls), adapter=name)
    except NotAClientError as error:
        assert str(error)  # noqa: PT017 - either way is right
    else:
        client.resilience.close()


class Nonsense:
    """A stand-in that answers one question with nonsense, and hands on the others."""

    def __init__(self, client, question, answer):
        self._client = client
        self._question = question
        self._answer = answer

    def __getattr__(self, name):
        if name == self._question:
            return self._answer
        return getattr(self._client, name)


@pytest.mark.parametrize(
    "answer",
    [lambda: 5, lambda: "text", lambda: [1], lambda: 1 / 0],
    ids=["int", "str", "list", "error"],
)
def test_a_stand_in_that_answers_nonsense_is_refused_with_the_cause(healthy, answer):
    bare = aerospike.client({"hosts": healthy.hosts})
    with pytest.raises(
        NotAClientError, match="does not answer as a client of 'aerospike' does"
    ) as no:
        resilient(Nonsense(bare, "get_policies", answer), adapter="aerospike")
    assert no.value.__cause__ is not None
    bare.close()


def test_a_stand_in_that_hands_everything_on_is_wrapped(healthy):
    bare = aerospike.client({"hosts": healthy.hosts})
    client = resilient(Nonsense(bare, "nothing", None), adapter="aerospike")
    client.put(("test", "mocks", 1), {"n": 1})
    assert client.get(("test", "mocks", 1))[2] == {"n": 1}
    client.close()


def test_an_object_of_no_client_is_refused():
    with pytest.raises(NotAClientError):
        resilient(mock.Mock())
