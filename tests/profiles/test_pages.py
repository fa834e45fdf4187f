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


@pytest.mark.parametrize("page", [TUNING, POLICIES], ids=lambda page: page.name)
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
