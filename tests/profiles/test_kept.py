"""What a profile, its overrides and its findings come to is kept while nothing they depend on changes."""

from __future__ import annotations

import pytest

from aerospike_resilience import PolicyFileError
from aerospike_resilience.clients import adapter_named
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.lint import examine

TEXT = "version: 1\nextends: default\nbreaker: {max_error_rate: %d}\n"


def test_files_that_did_not_change_are_not_merged_again(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT % 7)
    first = PolicyLibrary([tmp_path]).load("mine")

    assert PolicyLibrary([tmp_path]).load("mine") is first
    file.write_text(TEXT % 8)
    assert PolicyLibrary([tmp_path]).load("mine").breaker.max_error_rate == 8
    assert first.breaker.max_error_rate == 7


def test_a_parent_that_changed_is_merged_again(tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 1\nextends: base\n")
    (tmp_path / "base.yaml").write_text(TEXT % 7)
    first = PolicyLibrary([tmp_path]).load("mine")
    (tmp_path / "base.yaml").write_text(TEXT % 8)

    assert PolicyLibrary([tmp_path]).load("mine").breaker.max_error_rate == 8
    assert first.breaker.max_error_rate == 7


def test_the_same_text_in_another_place_is_another_profile(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "mine.yaml").write_text(TEXT % 7)
    one, two = (PolicyLibrary([tmp_path / place]).load("mine") for place in ("one", "two"))

    assert one.files[0] != two.files[0]
    assert one.fingerprint == two.fingerprint


def test_equal_overrides_are_checked_once_and_a_later_change_of_theirs_has_no_effect():
    base = PolicyLibrary().load("latency")
    given = {"retry": {"budget": None}, "breaker": {"max_error_rate": 7}}
    first = base.with_overrides(given)

    assert base.with_overrides({**given}) is first
    given["breaker"]["max_error_rate"] = 8
    assert base.with_overrides(given).breaker.max_error_rate == 8
    assert first.breaker.max_error_rate == 7
    assert base.with_overrides({}, origin="using()") is not base.with_overrides({})


@pytest.mark.parametrize("wrong", [True, "7", 7.5, object()], ids=["true", "text", "7.5", "object"])
def test_a_value_that_only_looks_like_a_right_one_is_refused_after_that(wrong):
    base = PolicyLibrary().load("latency")
    base.with_overrides({"breaker": {"max_error_rate": 7}})

    for _ in range(2):
        with pytest.raises(PolicyFileError, match="max_error_rate"):
            base.with_overrides({"breaker": {"max_error_rate": wrong}})


def test_findings_follow_the_variables_of_the_client():
    client, profile = adapter_named("aerospike"), PolicyLibrary().load("latency")
    (variable,) = client.config_variables

    def ids(environment):
        return {one.id for one in examine(profile, client, environment)}

    without = ids({})
    assert ids({"HOME": "/"}) == without
    assert ids({variable: "file:///native.yaml"}) > without
    assert ids({}) == without
