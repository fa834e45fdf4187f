"""What the pages for those who run the service tell is so."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from aerospike_resilience.cli.main import cli
from aerospike_resilience.clients import adapter_named
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.json_schema import json_schema
from aerospike_resilience.profiles.schema import Settings
from aerospike_resilience.profiles.source import PolicySource
from aerospike_resilience.profiles.validate import check_settings
from aerospike_resilience.runtime.instruments import INSTRUMENTS
from aerospike_resilience.runtime.planner import Planner
from tests.schema import validator

ROOT = Path(__file__).parents[2]
TUNING, POLICIES = ROOT / "docs" / "tuning.md", ROOT / "docs" / "policies.md"
ROLLOUT = ROOT / "docs" / "rollout.md"


def rows(page: Path, begins: str, ends: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    text = page.read_text()
    table = text[text.index(begins) : text.index(ends)]
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [line.split("|")[1:-1] for line in lines[2:]]


def commands(page: Path) -> list[str]:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    return [command for _where, command in build.commands(page)]


@pytest.mark.parametrize("page", [TUNING, POLICIES, ROLLOUT], ids=lambda page: page.name)
def test_every_command_of_a_page_runs_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = commands(page)
    assert len(told) >= 6

    for command in told:
        line, _, written_to = command.partition(" > ")
        name, *arguments = shlex.split(line)
        assert [name, arguments[0]] == ["aerospike-resilience", "policy"]
        ran = CliRunner().invoke(cli, arguments)
        differs = "diff" in arguments and ran.exit_code == 1 and "Error" not in ran.output
        assert ran.exit_code == 0 or differs, (command, ran.output)
        if written_to:
            Path(written_to).write_text(ran.stdout)


def test_the_explanation_on_the_page_is_what_is_told():
    shown = re.search(
        r"```text\n(get under profile.*?)  \.\.\.\n```", POLICIES.read_text(), re.DOTALL
    )
    adapter, profile = adapter_named("aerospike"), PolicyLibrary().load("latency")
    get = adapter.operations["get"]
    sent = Planner(adapter, None, profile).explained(get)
    told = str(profile.explain(get).with_sent(sent.by_field)).splitlines()

    assert all(line in told for line in shown[1].splitlines())


def test_every_dial_of_the_page_is_a_key_of_policy_files():
    """In the table of symptoms, by its whole path or with the section left out."""
    dials = {
        word
        for _symptom, dial, _price in rows(TUNING, "| symptom |", "After each change")
        for word in re.findall(r"`([a-z_.]+)(?:: [^`]*)?`", dial)
    }
    known = str(json_schema())
    metrics = {*INSTRUMENTS}

    assert "adaptive_timeout.max" in dials
    for dial in dials - metrics:
        assert all(f"'{step}'" in known for step in dial.split(".") if step != "using"), dial


def test_every_emergency_measure_is_a_valid_piece_of_a_policy_file():
    page = TUNING.read_text()
    pieces = re.findall(r"`((?:retry|backpressure|breaker): \{.*?\})`", page)

    assert len(pieces) == 4
    for piece in pieces:
        assert isinstance(check_settings(PolicySource("page", yaml.safe_load(piece))), Settings)


def test_the_policy_file_in_the_configmap_is_valid(tmp_path):
    block = re.search(r"```yaml\n(apiVersion.*?)```", TUNING.read_text(), re.DOTALL)[1]
    configmap = next(yaml.safe_load_all(block))
    text = configmap["data"]["checkout.yaml"]
    (tmp_path / "checkout.yaml").write_text(text)

    validator().validate(yaml.safe_load(text))
    assert PolicyLibrary([tmp_path]).load("checkout").name == "checkout"


def test_every_part_of_the_snapshot_that_the_page_names_is_there(client):
    state = client.resilience.snapshot()
    for where, _tells in rows(TUNING, "| in the snapshot |", "**Act**"):
        section = None
        for path in re.findall(r"`([a-z_0-9.*]+)`", where):
            *outer, name = path.split(".")
            section = outer or section or []
            found = state
            for step in section:
                found = next(iter(found.values())) if step == "*" else found[step]
            assert name in found, path


def test_every_shipped_profile_is_on_both_pages():
    for name in PolicyLibrary().names():
        assert f"`{name}`" in TUNING.read_text() or name == "observe"
        assert f"| `{name}` |" in POLICIES.read_text()


def test_every_name_that_is_also_known_is_on_the_page():
    from aerospike_resilience.profiles.synonyms import CONNECTION_SYNONYMS, FIELD_SYNONYMS

    page = POLICIES.read_text()
    for name in (*FIELD_SYNONYMS, *CONNECTION_SYNONYMS):
        assert f"`{name}`" in page, name


def test_the_page_of_rollouts_names_every_attribute_and_queries_go_by_them():
    from aerospike_resilience.runtime.profile_state import ProfileState

    page = ROLLOUT.read_text()
    attributes = ProfileState("a", "a", "f", "current").attributes()
    for name in attributes:
        assert f"| `{name}` |" in page, name
    labels = {name.replace(".", "_") for name in attributes}
    queries = re.findall(r"```promql\n(.*?)```", page, re.DOTALL)
    assert len(queries) == 4
    for query in queries:
        assert query.count("(") == query.count(")"), query
        used = set(re.findall(r"aerospike_resilience_(?:profile|rollout)\w*", query))
        assert used <= labels | {"aerospike_resilience_profile_info"}, query


def test_every_field_of_a_change_is_on_the_page():
    from dataclasses import fields

    from aerospike_resilience.profiles.audit import Change

    page = ROLLOUT.read_text()
    for field in fields(Change):
        assert f"`{field.name}`" in page, field.name


def test_the_calls_that_a_comparison_needs_are_those_of_the_formula():
    page = ROLLOUT.read_text()
    table = page[page.index("| failures today |") :].splitlines()[2:5]
    for line in table:
        p, rise, calls = (cell.strip() for cell in line.split("|")[1:4])
        share, after = (float(one.rstrip(" %")) / 100 for one in (p, rise))
        needed = 16 * share * (1 - share) / (after - share) ** 2
        assert float(calls.replace(",", "")) == pytest.approx(needed, rel=0.02)


def test_every_file_with_a_rollout_on_the_page_is_valid(tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", ROLLOUT.read_text(), re.DOTALL)
    assert len(blocks) == 2
    (tmp_path / "checkout-previous.yaml").write_text("version: 1\n")
    for block in blocks:
        text = block if "version" in block else f"version: 1\nextends: latency\n{block}"
        (tmp_path / "checkout.yaml").write_text(text)
        validator().validate(yaml.safe_load(text))
        assert PolicyLibrary([tmp_path]).load("checkout").rollout.share == 0.1
