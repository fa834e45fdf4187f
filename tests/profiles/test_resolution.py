"""Which value is in force follows one order, whatever the files say."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aerospike_resilience.model.operation import Kind, Operation, Shape
from aerospike_resilience.profiles import PolicyFileError, PolicyLibrary
from aerospike_resilience.profiles.layers import Layer
from aerospike_resilience.profiles.profile import Profile
from aerospike_resilience.profiles.source import PolicySource

GET = Operation("get", Kind.READ, Shape.POINT, "read", ("key", "policy"), "policy", "key")
PUT = Operation("put", Kind.WRITE, Shape.POINT, "write", ("key", "bins"), "policy", "key")
BATCH = Operation("batch_read", Kind.READ, Shape.BATCH, "batch", ("keys",), "policy")

# DESIGN §5, weakest first, written down once more for reads and writes of single records.
READ_ORDER = ["all", "reads", "reads_ap", "reads_point"]
WRITE_ORDER = ["all", "writes", "writes_ap", "writes_retryable", "writes_point"]


def profile(*layers: dict) -> Profile:
    ranked = [Layer([PolicySource(f"layer {rank}", data)]) for rank, data in enumerate(layers)]
    return Profile("made", "", {}, tuple(ranked))


def value(found: Profile, operation=GET, field="total_timeout", **where):
    settings_ = found.settings(operation, retryable=True, **where)
    return settings_[field].value if field in settings_ else None


@pytest.mark.parametrize(("operation", "order"), [(GET, READ_ORDER), (PUT, WRITE_ORDER)])
def test_the_more_specific_scope_wins(operation, order):
    for weaker, stronger in itertools.combinations(order, 2):
        found = profile({"policy": {stronger: {"total_timeout": 2}, weaker: {"total_timeout": 1}}})
        assert value(found, operation) == 2, (weaker, stronger)


def test_scopes_of_other_kinds_do_not_apply():
    found = profile({"policy": {scope: {"total_timeout": 1} for scope in WRITE_ORDER[1:]}})

    assert value(found, GET) is None


_fields = st.fixed_dictionaries({}, optional={"total_timeout": st.integers(1, 9)})


@settings(max_examples=150, deadline=None)
@given(
    scopes=st.fixed_dictionaries({}, optional=dict.fromkeys(READ_ORDER, _fields)),
    namespace=st.fixed_dictionaries({}, optional=dict.fromkeys(READ_ORDER, _fields)),
    in_set=st.fixed_dictionaries({}, optional=dict.fromkeys(READ_ORDER, _fields)),
    operation=_fields,
    overrides=st.fixed_dictionaries({}, optional=dict.fromkeys(READ_ORDER, _fields)),
)
def test_precedence_is_as_the_design_says(scopes, namespace, in_set, operation, overrides):
    found = profile(
        {
            "policy": scopes,
            "sets": {"test": namespace, "test.s": in_set},
            "operations": {"get": operation},
        },
        {"policy": overrides},
    )
    expected = None
    for rank in (scopes, namespace, in_set, {"all": operation}, overrides):
        for scope in READ_ORDER:
            expected = rank.get(scope, {}).get("total_timeout", expected)

    assert value(found, namespace="test", set_name="s") == expected


def test_a_child_overrides_its_parents_field_by_field_and_each_value_knows_its_line(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "version: 1\npolicy:\n  reads:\n    total_timeout: 100ms\n    max_retries: 2\n"
    )
    (tmp_path / "child.yaml").write_text(
        "version: 1\nextends: base\npolicy:\n  reads: {total_timeout: 50ms}\n"
    )

    found = PolicyLibrary([tmp_path]).load("child").settings(GET, retryable=True)

    assert (found["total_timeout"].value, found["max_retries"].value) == (50, 2)
    assert found["total_timeout"].origin == f"{tmp_path}/child.yaml:4"
    assert found["max_retries"].origin == f"{tmp_path}/base.yaml:5"


def test_durations_come_as_aerospikes_milliseconds():
    found = profile({"policy": {"all": {"total_timeout": "1.5s", "socket_timeout": 40}}})

    assert (value(found), value(found, field="socket_timeout")) == (1500, 40)


def test_null_leaves_a_field_to_the_client_again():
    found = profile(
        {"policy": {"all": {"replica": "master"}}}, {"policy": {"all": {"replica": None}}}
    )

    assert value(found, field="replica") is None


def test_a_bare_off_is_the_mode_off():
    """YAML reads it as false."""
    library = PolicyLibrary()

    assert (
        library.load("latency").with_overrides({"breaker": {"mode": False}}).breaker.mode == "off"
    )


def test_observe_leaves_everything_as_the_client_has_it():
    found = PolicyLibrary().load("observe")

    for operation in (GET, PUT, BATCH):
        assert found.settings(operation, retryable=True) == {}
    assert (found.breaker.mode, found.backpressure.max_concurrent_operations) == ("shadow", 0)


def test_explain_tells_value_and_origin_of_every_field():
    told = PolicyLibrary().load("latency").explain(GET)

    assert told.value("socket_timeout") == 40
    assert "<shipped>/latency.yaml:" in str(told)
    assert told.to_dict()["fields"]["total_timeout"]["value"] == 250


def test_overrides_of_the_wrong_shape_are_refused_with_a_suggestion():
    with pytest.raises(PolicyFileError, match=r"overrides=: retry.backof.*did you mean 'backoff'"):
        PolicyLibrary().load("latency").with_overrides({"retry": {"backof": "linear"}})
