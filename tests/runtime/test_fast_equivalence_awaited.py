"""As `test_fast_equivalence`, for awaited calls: as futures, as windows of one, and as one coroutine."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aerospike_resilience.concurrency.event_loop_lag import EventLoopLag
from aerospike_resilience.nodes import TEND_THREAD
from aerospike_resilience.runtime.fast import awaited
from aerospike_resilience.runtime.fast.first_attempts import FirstAttempts
from tests.runtime.fast_sides import FILES, show
from tests.runtime.fast_sides_awaited import KINDS, NATIVE_ERRORS, NATIVE_FORMS, Side
from tests.runtime.listeners import LISTENERS, SURROUNDINGS

answers = st.lists(
    st.tuples(
        st.sampled_from((0.0, 0.001, 0.015, 0.03, 0.05, 0.3)),
        st.sampled_from(("ok", "ok", "ok", "dropped", *NATIVE_ERRORS)),
    ),
    max_size=4,
)
interrupted = st.sampled_from((0.0, 0.001, 0.05)).map(lambda took_s: [(took_s, "interrupt")])
"""An interrupt at the call. In a later attempt it would end the event loop, as in any other task."""
calls = st.tuples(
    st.just("call"),
    st.sampled_from(tuple(NATIVE_FORMS)),
    st.sampled_from((60.0, 60.0, 60.0, 0.03, 0.0)),
    st.one_of(answers, answers, answers, interrupted),
    st.sampled_from(("nothing", "nothing", *SURROUNDINGS)),
)
left = st.sampled_from(([(0.0, "ok")], [(0.001, "ok")], [(0.001, "missing")]))
"""How a call ends whose caller has left. Only the fused path takes note of its errors and its delay."""
steps = st.one_of(
    *(calls, calls, calls),
    st.tuples(st.just("leave"), st.sampled_from(tuple(NATIVE_FORMS)), left),
    st.tuples(st.just("wait"), st.sampled_from((0.001, 0.5, 3.0))),
    st.sampled_from(
        [
            *(("tend",), ("calm",), ("calm",), ("reload",), ("fork",)),
            *(("fill",), ("empty",), ("isolate",), ("release",)),
            *(("crowd",), ("ease",)),
        ]
    ),
)
scripts = st.lists(steps, min_size=1, max_size=14)

TAKEN: Counter[str] = Counter()
"""How often fused calls failed or were slow, over the scripts of one test."""

PLAYED: Counter[str] = Counter()
DRIVEN: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def alone_with_its_clock(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """No real time gets into a script, and nothing is logged of what the scripts provoke."""
    monkeypatch.setattr(EventLoopLag, "start", lambda _lag: None)
    monkeypatch.setattr(TEND_THREAD, "add", lambda _tended: None)
    monkeypatch.setattr(awaited, "client_class", lambda cls, _recognises: cls)
    for name in ("refused", "answered", "failed", "slow"):
        monkeypatch.setattr(FirstAttempts, name, _counting(name, getattr(FirstAttempts, name)))
    with caplog.at_level(logging.CRITICAL):
        yield


def _counting(name: str, method: Any) -> Any:
    def counted(*args: Any) -> Any:
        found = method(*args)
        taken = name in ("failed", "slow") or bool(found)
        TAKEN[name] += taken
        DRIVEN[name] += taken
        return found

    return counted


@pytest.fixture(autouse=True, scope="module")
def statistics() -> Iterator[None]:
    """Show what was driven, where that is asked for."""
    yield
    show("awaited calls", PLAYED, DRIVEN)


async def played(
    kind: str,
    policies: Path,
    script: list[tuple[Any, ...]],
    files: Iterator[str],
    listener: str = "nobody",
) -> None:
    PLAYED.update({"scripts": 1, **Counter(what for what, *_ in script)})
    (policies / "scripted.yaml").write_text(FILES[0])
    sides = [Side(kind, policies, fused=fused, listener=listener) for fused in (True, False)]
    try:
        for what, *details in script:
            if what == "reload":
                (policies / "scripted.yaml").write_text(next(files))
            ends = []
            for side in sides:
                end = getattr(side, what)(*details)
                ends.append(await end if asyncio.iscoroutine(end) else end)
            assert ends[0] == ends[1], (what, details)
            assert sides[0].state() == sides[1].state(), (what, details)
        # The paths see in different turns of the event loop that a caller has left.
        timed = "leave" not in {what for what, *_ in script}
        fused, general = (side.listener.samples(timed=timed) for side in sides)
        assert fused == general
    finally:
        for side in sides:
            side.client.resilience.close()


@pytest.mark.parametrize("kind", KINDS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    script=scripts,
    order=st.permutations((*FILES, FILES[1])),
    listener=st.sampled_from(tuple(LISTENERS)),
)
def test_both_paths_come_to_the_same(
    kind: str, tmp_path: Path, script: list[tuple[Any, ...]], order: list[str], listener: str
):
    asyncio.run(played(kind, tmp_path, script, iter(order * 4), listener))


@pytest.mark.parametrize("listener", ["nobody", "metrics, spans by parent"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_form_with_every_answer_comes_to_the_same(kind: str, tmp_path: Path, listener: str):
    TAKEN.clear()
    script: list[tuple[Any, ...]] = []
    for form in NATIVE_FORMS:
        script += [("call", form, limit_s, []) for limit_s in (60.0, 0.03, 0.0)]
        for around in SURROUNDINGS:
            script += [
                ("call", form, 60.0, [(0.001, what)], around)
                for what in ("ok", "missing", "dropped", "interrupt")
            ]
        for error in NATIVE_ERRORS:
            script += [
                ("call", form, 60.0, [(0.001, error)]),
                *(("wait", 30.0), ("calm",)),
                ("call", form, 60.0, [(0.03, error), (0.3, error), (0.3, error)]),
                *(("tend",), ("wait", 30.0), ("calm",)),
            ]
        call = ("call", form, 60.0, [])
        script += [("call", form, 60.0, [(0.2, "ok")]), ("calm",)]
        script += [("fill",), call, ("empty",), ("isolate",), call, ("release",), ("calm",)]
        script += [("leave", form, [(0.001, "ok")]), ("leave", form, [(0.001, "missing")]), call]
        script += [("call", form, 60.0, [(0.001, "dropped")]), ("fork",), call, call]
        script += [
            ("crowd",),
            call,
            ("call", form, 0.03, [(0.015, "timeout")]),
            ("ease",),
            ("calm",),
        ]
    asyncio.run(played(kind, tmp_path, script, iter(()), listener))
    assert min(TAKEN["failed"], TAKEN["refused"]) > 5
    assert TAKEN["answered"] > 5 or kind == "coroutines"  # that client does not tell the tries
    assert TAKEN["slow"] > 0
