"""How many requests a native call made, where its client does not say."""

from __future__ import annotations

import pytest

from aerospike_resilience.interceptors import NativeAttempt
from aerospike_resilience.model.failure import Failure, FailureKind, Fault
from tests import fakes

REFUSED = Failure(FailureKind.NATIVE_BREAKER, retryable=True, fault=Fault.LOCAL)


@pytest.mark.parametrize(
    ("took_s", "sent"),
    [(0.0001, 0), (0.0401, 1), (0.5, 1)],
    ids=["refused at once", "after one try", "never more than were left"],
)
def test_what_the_clients_own_breaker_refused_was_not_sent(took_s, sent):
    clock = fakes.FakeClock()

    def refused(_args, _kwargs, _policy):
        clock.pass_s(took_s)
        raise TimeoutError("breaker")

    plan = fakes.plan(fakes.GET, REFUSED, max_tries=4, native_retries=1, send=refused)
    call = fakes.call(plan)
    call.now = clock()

    with pytest.raises(TimeoutError):
        NativeAttempt(lambda *_: {}, clock=clock).end()(call)

    assert call.attempts[0].tries == sent
    assert call.tries_left == 4 - sent
