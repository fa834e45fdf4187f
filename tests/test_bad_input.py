"""Bad input gets a clear error that is a `ResilienceError` and the fitting builtin."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import aerospike
import pybreaker
import pytest
import tenacity

from aerospike_resilience import (
    AlreadyWrappedError,
    ClientClosedError,
    NotAClientError,
    PolicyFileError,
    ResilienceError,
    UnknownProfileError,
    deadline,
    instrument,
    remaining,
    resilient,
)


@pytest.mark.parametrize("thing", [None, 5, "client", object(), aerospike.Client])
def test_what_is_no_client_is_named_and_so_are_the_clients_there_are(thing):
    with pytest.raises(NotAClientError, match="'aerospike'") as caught:
        resilient(thing)

    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, ResilienceError)


def test_the_way_out_that_the_error_names_is_a_parameter(healthy, bare):
    with pytest.raises(NotAClientError) as caught:
        resilient(object())
    (named,) = re.findall(r"can be wrapped with (\w+)=<name>", str(caught.value))

    class StandIn:
        def __getattr__(self, name):
            return getattr(bare, name)

    wrapped = resilient(StandIn(), **{named: "aerospike"})
    wrapped.put(("test", "bad-input", 1), {"n": 1})

    assert wrapped.get(("test", "bad-input", 1))[2] == {"n": 1}
    wrapped.resilience.close()


def test_the_class_instead_of_an_instance_is_told_apart():
    with pytest.raises(NotAClientError, match="the class itself; give an instance"):
        resilient(aerospike.Client)


def test_an_unknown_profile_names_those_there_are_and_where_it_looked(bare):
    with pytest.raises(UnknownProfileError, match="latency") as caught:
        resilient(bare, profile="latancy")

    assert isinstance(caught.value, LookupError)
    assert "looked for in <shipped>" in str(caught.value)


def test_a_broken_file_says_where(bare, tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 1\npolicy:\n  all: {total_timout: 5ms}\n")

    with pytest.raises(PolicyFileError, match=r"mine\.yaml:3.*total_timout") as caught:
        resilient(bare, profile="mine", policies=tmp_path)

    assert isinstance(caught.value, ValueError)
    assert "total_timeout" in str(caught.value)


def test_an_unreadable_file_says_so(bare, tmp_path):
    (tmp_path / "mine.yaml").mkdir()

    with pytest.raises(PolicyFileError, match=r"mine\.yaml"):
        resilient(bare, profile="mine", policies=tmp_path)


def test_unknown_override_keys_are_refused(bare):
    with pytest.raises(ValueError, match="max_error_rat") as caught:
        resilient(bare, overrides={"breaker": {"max_error_rat": 3}})

    assert isinstance(caught.value, ResilienceError)
    assert "max_error_rate" in str(caught.value)


def test_wrapping_twice_is_refused(client):
    with pytest.raises(AlreadyWrappedError, match="using"):
        resilient(client)


def test_a_closed_client_is_refused(healthy, connect):
    client = connect(healthy)
    client.close()

    with pytest.raises(ClientClosedError, match="closed") as caught:
        resilient(client)

    assert isinstance(caught.value, RuntimeError)


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_deadline_takes_seconds_from_now(seconds):
    with pytest.raises(ValueError, match="0 or more"):
        deadline(seconds)


def test_an_unknown_operation_is_refused_by_explain(client):
    with pytest.raises(ValueError, match="batch_read"):
        client.resilience.explain("fetch")


# ----- arguments of the wrong type, and keywords that belong into a policy file


@pytest.mark.parametrize("profile", [3, None, b"latency", ["latency"], 1.5, ("latency",)])
def test_a_profile_is_a_name(bare, profile):
    told = r'profile is a name, such as "latency", not '
    with pytest.raises(TypeError, match=told):
        resilient(bare, profile)
    with pytest.raises(TypeError, match=told):
        instrument(profile)


@pytest.mark.parametrize("profile", [3, b"latency", ["latency"]])
def test_a_profile_of_a_block_is_a_name(client, profile):
    with pytest.raises(TypeError, match=r'profile is a name, such as "latency", not '):
        client.resilience.using(profile)


@pytest.mark.parametrize("policies", [3, b"policies", [3], [b"x"], [None], object()])
def test_policies_name_directories(bare, policies):
    with pytest.raises(TypeError, match="policies= "):
        resilient(bare, policies=policies)
    with pytest.raises(TypeError, match="policies= "):
        instrument(policies=policies)


MISTAKEN = {
    "max_retries": (1, '{"policy": {"all": {"max_retries": 1}}}'),
    "total_timeout": ("80ms", '{"policy": {"all": {"total_timeout": "80ms"}}}'),
    "max_error_rate": (5, '{"breaker": {"max_error_rate": 5}}'),
    "isolate": (["A1"], '{"breaker": {"isolate": [\'A1\']}}'),
    "max_concurrent_operations": (9, '{"backpressure": {"max_concurrent_operations": 9}}'),
    "backpressure": ({"queue": "lifo"}, '{"backpressure": {"queue": "lifo"}}'),
    "storage_": (1, None),
    "override": ({}, None),
}


@pytest.mark.parametrize("name", MISTAKEN)
def test_a_setting_as_a_keyword_is_told_where_it_belongs(client, bare, name):
    value, right = MISTAKEN[name]
    for function, call in (
        ("resilient", lambda **more: resilient(bare, **more)),
        ("using", client.resilience.using),
        ("instrument", instrument),
    ):
        with pytest.raises(TypeError) as caught:
            call(**{name: value})
        told = str(caught.value)
        if right is None:
            assert f"{function}() got an unexpected keyword argument {name!r}" in told
            assert "Known: " in told
        else:
            assert told == (
                f"{function}() got an unexpected keyword argument {name!r}; did you mean overrides={right}?"
            )


def test_several_settings_are_one_suggestion(client):
    with pytest.raises(TypeError, match=r'"max_retries": 1, "total_timeout": 9') as caught:
        client.resilience.using(max_retries=1, total_timeout=9)

    assert "keyword arguments 'max_retries' and 'total_timeout'" in str(caught.value)


@pytest.mark.parametrize("name", ["wait", "retry", "stop"])
def test_a_class_is_no_rule(bare, name):
    rule = {
        "wait": tenacity.wait_fixed,
        "retry": tenacity.retry_if_exception_type,
        "stop": tenacity.stop_after_attempt,
    }[name]

    with pytest.raises(TypeError, match=rf"{name}= .* not a class; write {rule.__name__}\("):
        resilient(bare, **{name: rule})
    with pytest.raises(TypeError, match="not a class"):
        instrument(**{name: rule})


class Listener(pybreaker.CircuitBreakerListener):
    pass


@pytest.mark.parametrize("listeners", ["listener", [Listener], [object()], 3, Listener()])
def test_listeners_are_a_list_of_objects(bare, listeners):
    with pytest.raises(TypeError, match="listeners="):
        resilient(bare, listeners=listeners)
    with pytest.raises(TypeError, match="listeners="):
        instrument(listeners=listeners)


@pytest.mark.parametrize("skip", [3, [3], b"cache-*", [None]])
def test_skipped_hosts_are_patterns(skip):
    with pytest.raises(TypeError, match="skip="):
        instrument(skip=skip)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        *((0.2, 0.2), (1, 1.0), ("200ms", 0.2), ("2s", 2.0), (" 1 m ", 60.0), ("500us", 0.0005)),
        (timedelta(milliseconds=200), 0.2),
        (Decimal("0.25"), 0.25),
        (Fraction(1, 4), 0.25),
    ],
)
def test_a_deadline_is_taken_in_each_way_that_people_write_it(given, seconds):
    with deadline(given):
        assert seconds - 0.1 < remaining() <= seconds


@pytest.mark.parametrize(
    "given", ["soon", "200", "0.2", "-1s", "", "200 ms later", "10**400", 10**400]
)
def test_a_deadline_in_wrong_words_says_what_is_right(given):
    with pytest.raises(
        ValueError, match=r'takes seconds from now \(0\.2\), text with a unit \("200ms"\)'
    ):
        deadline(given)


@pytest.mark.parametrize("given", [None, True, [1], object(), b"200ms", {}])
def test_a_deadline_of_a_wrong_type_says_what_is_right(given):
    with pytest.raises(
        TypeError, match=r'takes seconds from now \(0\.2\), text with a unit \("200ms"\)'
    ):
        deadline(given)


@pytest.mark.parametrize("given", [timedelta(seconds=-1), -0.1, float("nan"), Decimal(-1)])
def test_a_deadline_is_not_in_the_past(given):
    with pytest.raises(ValueError, match="0 or more"):
        deadline(given)
