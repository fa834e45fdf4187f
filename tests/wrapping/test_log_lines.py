"""Every line that the library logs about a client names it and its profile."""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import aerospike_resilience
from tests.profiles.test_sdk_native_config import connected  # noqa: F401 - a fixture
from tests.wrapping.log_scenes import PROVOKED, Scene, Site

HOUSE = Path(aerospike_resilience.__file__).parent
OUTSIDE = ("testing", "cli", "demo")
"""Rooms that are about no wrapped client."""

ELSEWHERE: set[Site] = {
    ("instrument.py", "a client was created and sta"),  # before any client is wrapped
    (
        "nodes/transition_log.py",
        "node %s flaps: opened %d tim",
    ),  # tests/nodes/test_transition_log.py
    ("nodes/transition_log.py", "node %s left the cluster, %s"),  # there too
    ("nodes/transition_log.py", "node %s is back in the clust"),  # there too
    ("connection/waiting.py", "no thread can be started to "),  # connection/test_without_threads.py
    ("runtime/engine.py", "%s"),  # in a forked child: tests/lifecycle/test_forking.py
}
"""Provoked by other tests."""

LATER = HOUSE / "concurrency" / "notices.py"
"""Where lines are logged from that were noted under a lock."""


def sites() -> set[Site]:
    """Every call of the library that logs."""
    return {
        (str(path.relative_to(HOUSE)), text.split("%s: %s -> %s")[0][:28])
        for path in HOUSE.rglob("*.py")
        if path.relative_to(HOUSE).parts[0] not in OUTSIDE and path.name != "identity.py"
        for text in logged(ast.parse(path.read_text()))
    }


def logged(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("debug", "info", "warning", "error", "exception", "log")
            and re.search(r"log(ger)?$|log\(.*\)$", ast.unparse(node.func.value))
        ) or (
            isinstance(node, ast.Call)
            and re.search(r"(^|\.)note\(\*?\(?self\._log\.", ast.unparse(node)[:80])
        ):
            yield first_text(node)


def first_text(call: ast.Call) -> str:
    """The first text among a call's arguments, those of a starred tuple included."""
    given = [one.value if isinstance(one, ast.Starred) else one for one in call.args]
    flat = [two for one in given for two in (one.elts if isinstance(one, ast.Tuple) else [one])]
    texts = [one.value for one in flat if isinstance(one, ast.Constant)]
    return next((text for text in texts if isinstance(text, str)), "no text")


@pytest.fixture
def scene(bare, tmp_path, monkeypatch, request):
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append  # type: ignore[method-assign]
    logger = logging.getLogger("aerospike_resilience")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    found = Scene(bare, tmp_path, monkeypatch, request, records, [])
    yield found
    monkeypatch.undo()
    for resilience in found.wrapped:
        resilience.close()
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.mark.parametrize("provoke", PROVOKED, ids=lambda one: one.__name__)
def test_every_log_line_names_the_client_and_its_profile(provoke, scene):
    provoke(scene)

    about = [
        record for record in scene.records if getattr(record, "aerospike_client", "") == "carts"
    ]
    for file, text in PROVOKED[provoke]:
        places = (str(HOUSE / file), str(LATER))
        found = [one for one in about if one.pathname in places and text in one.msg]
        assert found, f"{file} did not log {text!r}, but {[one.msg for one in about]}"
        for record in found:
            assert record.aerospike_profile in ("latency", "mine")
            named = f"client 'carts', profile '{record.aerospike_profile}': "
            assert record.getMessage().startswith(named)


def test_every_log_line_of_the_library_is_provoked():
    provoked = {site for found in PROVOKED.values() for site in found}

    assert provoked | ELSEWHERE == sites()


def test_no_module_logs_past_the_client():
    found = {
        str(path.relative_to(HOUSE))
        for path in HOUSE.rglob("*.py")
        if "getLogger" in path.read_text() and path.relative_to(HOUSE).parts[0] not in OUTSIDE
    }

    assert found == {
        "__init__.py",  # the handler that keeps Python from printing
        "model/identity.py",
        "interceptors/retry/error_notes.py",  # asks whether anybody listens, then logs by the client
    }


def test_a_percent_sign_in_a_profiles_name_is_no_placeholder(scene):
    scene.write("50%d", "")
    scene.wrap(profile="50%d").resilience.isolate("A1")

    assert scene.said("client 'carts', profile '50%d': node A1: closed -> isolated")


def test_a_nodes_lines_have_the_node_as_a_field(scene):
    scene.wrap().resilience.isolate("A1")

    changes = [one for one in scene.records if hasattr(one, "aerospike_state_to")]
    assert [
        (one.aerospike_node, one.aerospike_state_from, one.aerospike_state_to, one.aerospike_reason)
        for one in changes
    ] == [("A1", "closed", "isolated", "by hand")]
