"""The policy of one attempt: every adapter puts the same limits into its client's own policy."""

from __future__ import annotations

import pytest

from aerospike_resilience.clients import ADAPTERS
from aerospike_resilience.model.attempt_policy import AttemptPolicy


@pytest.fixture(params=ADAPTERS, ids=lambda adapter: adapter.name)
def adapter(request):
    return request.param


def fields(adapter, name, attempt):
    """Return the fields of the policy that an adapter makes for an attempt of an operation."""
    operation = adapter.operations[name]
    policy = adapter.tailor(operation.family, {}, attempt)
    return adapter.caller_fields(operation, policy)


@pytest.mark.parametrize(
    "attempt",
    [
        AttemptPolicy(total_timeout_ms=1, socket_timeout_ms=1, max_retries=0),
        AttemptPolicy(total_timeout_ms=0, socket_timeout_ms=0, max_retries=2),
        AttemptPolicy(total_timeout_ms=250, socket_timeout_ms=0, max_retries=1),
    ],
    ids=["shortest", "no limit", "total only"],
)
def test_limits_reach_the_clients_policy(adapter, attempt):
    found = fields(adapter, "get", attempt)

    assert (found["total_timeout"], found["socket_timeout"], found["max_retries"]) == attempt[:3]


def test_commit_master_reaches_the_clients_policy(adapter):
    attempt = AttemptPolicy(250, 50, 0, commit_master=True)
    (expected,) = adapter.fields(adapter.operations["put"], {"commit_level": "master"}).values()

    assert fields(adapter, "put", attempt)["commit_level"] == expected


def test_the_fields_that_were_given_stay_as_they_were(adapter):
    given = {"max_retries": 5}

    adapter.tailor("read", given, AttemptPolicy(250, 50, 0))

    assert given == {"max_retries": 5}
