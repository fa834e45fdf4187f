"""The fused path does what the general chain does: one script leaves both in the same state."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, currently_in_test_context, event, given, settings
from hypothesis import strategies as st

from aerospike_resilience.runtime.fast.first_attempts import FirstAttempts
from aerospike_resilience.runtime.fast.lane import Lane
from tests.runtime.fast_sides import AROUND, ERRORS, FILES, FORMS, Side, show
from tests.runtime.listeners import LISTENERS

answers = st.lists(
    st.tuples(
        st.sampled_from((0.0, 0.001, 0.002, 0.015, 0.03, 0.05, 0.3)),
        st.sampled_from(("ok", "ok", "ok", *ERRORS)),
    ),
    max_size=4,
)
calls = st.tuples(
    st.just("call"),
    st.sampled_from(tuple(FORMS)),
    st.sampled_from(("nothing", "nothing", "nothing", *AROUND)),
    answers,
)
steps = st.one_of(
    calls,
    calls,
    calls,
    calls,
    st.tuples(st.just("wait"), st.sampled_from((0.001, 0.5, 3.0))),
    st.sampled_from(
        (
            *(("fill",), ("empty",), ("crowd",), ("tend",), ("heal",), ("heal",), ("fork",)),
            *(("reload",), ("isolate", "A"), ("release", "A"), ("open", "A"), ("open", "B")),
        )
    ),
)
scripts = st.lists(steps, min_size=1, max_size=14)

WAYS: dict[str, type] = {
    "fit": Lane,
    "refused": FirstAttempts,
    "answered": FirstAttempts,
    "failed": FirstAttempts,
    "slow": FirstAttempts,
    "resume": FirstAttempts,
}

TAKEN: Counter[str] = Counter()
"""How often each way was taken by the fused side, over the scripts of one test."""

PLAYED: Counter[str] = Counter()
DRIVEN: Counter[str] = Counter()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Log nothing of what the scripts provoke."""
    with caplog.at_level(logging.CRITICAL):
        yield


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    (tmp_path / "scripted.yaml").write_text(FILES[0])
    return tmp_path


@pytest.fixture(autouse=True, scope="module")
def statistics() -> Iterator[None]:
    """Show what was driven, where that is asked for."""
    yield
    show("blocking calls", PLAYED, DRIVEN)


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Count which ways the fused calls take."""
    before = {name: getattr(of, name) for name, of in WAYS.items()}

    def counting(name: str) -> Any:
        def method(self: Any, *args: Any) -> Any:
            found = before[name](self, *args)
            if name == "fit" and found is None:
                TAKEN["general"] += 1
                DRIVEN["general"] += 1
            if name not in ("refused", "answered") or found:
                TAKEN[name] += 1
                DRIVEN[name] += 1
            return found

        return method

    for name in before:
        setattr(WAYS[name], name, counting(name))
    try:
        yield
    finally:
        for name, method in before.items():
            setattr(WAYS[name], name, method)


def run(
    policies: Path, script: list[tuple[Any, ...]], files: Iterator[str], listener: str = "nobody"
) -> None:
    PLAYED.update({"scripts": 1, **Counter(what for what, *_ in script)})
    with counted():
        (policies / "scripted.yaml").write_text(FILES[0])
        sides = tuple(Side(policies, fused=one, listener=listener) for one in (True, False))
        try:
            for step in script:
                if step[0] == "reload":
                    (policies / "scripted.yaml").write_text(next(files))
                fused, general = (side.do(step) for side in sides)
                assert fused == general, step
                assert sides[0].state() == sides[1].state(), step
                if currently_in_test_context():
                    event(step[0])
            assert sides[0].listener.samples() == sides[1].listener.samples()
        finally:
            for side in sides:
                side.client.resilience.close()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    script=scripts,
    order=st.permutations((*FILES, FILES[1])),
    listener=st.sampled_from(tuple(LISTENERS)),
)
def test_both_paths_come_to_the_same(
    policies: Path, script: list[tuple[Any, ...]], order: list[str], listener: str
):
    run(policies, script, iter(order * 4), listener)


@pytest.mark.parametrize("listener", ["nobody", "metrics, spans by parent"])
def test_every_form_of_call_with_every_answer_comes_to_the_same(policies: Path, listener: str):
    TAKEN.clear()
    short = "short deadline" if listener == "nobody" else "unsampled parent"
    script: list[tuple[Any, ...]] = []
    for form in FORMS:
        script += [("call", form, around, []) for around in AROUND]
        for error in ERRORS:
            for around in ("nothing", short):
                script += [
                    ("call", form, around, [(0.001, error)]),
                    ("heal",),
                    ("call", form, around, [(0.02, error), (0.3, error), (0.3, error)]),
                    ("heal",),
                    ("wait", 3.0),
                ]
        script.append(("call", form, "nothing", [(0.045, "ok")]))

    for form in FORMS:
        for around in ("nothing", "deadline", "using sheddable"):
            call = ("call", form, around, [])
            script += [("fill",), call, ("crowd",), call, ("empty",)]
            script += [("isolate", "A"), call, ("open", "B"), call, ("release", "A"), call]
            script += [("open", "A"), call, ("heal",), ("wait", 3.0)]
    run(policies, script, iter(()), listener)

    assert {name for name, times in TAKEN.items() if times > 20} >= {
        *("fit", "general", "refused", "answered", "failed", "resume")
    }
    assert TAKEN["slow"] > 0
