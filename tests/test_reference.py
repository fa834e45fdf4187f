"""The reference in docs/ says what the code says, and its examples do what they are there for."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import aerospike_resilience
from aerospike_resilience.clients import adapter_named
from aerospike_resilience.profiles import PolicyLibrary
from aerospike_resilience.profiles.json_schema import json_schema
from aerospike_resilience.profiles.lint import Finding, examine
from aerospike_resilience.profiles.lint_code import examine_code
from aerospike_resilience.profiles.lint_formats import FORMATS
from aerospike_resilience.profiles.synonyms import CONNECTION_SYNONYMS, FIELD_SYNONYMS
from aerospike_resilience.telemetry.registry import METRICS

ROOT = Path(__file__).parent.parent
LINT = sorted((ROOT / "docs" / "lint").glob("AR*.md"))
EXAMPLE = re.compile(r"```(yaml|python)([^\n]*)\n(.*?)```", re.DOTALL)


def _load(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = _load("tables")
reference = tables.reference


def test_every_generated_page_is_what_the_code_says():
    for path, text in reference.pages().items():
        assert path.read_text() == tables.written(text), "run python docs/tables.py"


def test_every_key_of_a_policy_file_is_described():
    schema = json_schema()
    other_names = {*FIELD_SYNONYMS, *CONNECTION_SYNONYMS}
    silent = [
        f"{model}.{key}"
        for model, one in {**schema["$defs"], "PolicyFile": schema}.items()
        for key, value in one.get("properties", {}).items()
        if key not in other_names and not value.get("description")
    ]

    assert silent == [], "add them to profiles/descriptions.py"


def test_an_editor_shows_a_default_as_a_file_has_it():
    sections = json_schema()["$defs"]

    assert sections["AdaptiveTimeoutSection"]["properties"]["min"]["default"] == "5ms"
    assert sections["ConnectionSection"]["properties"]["tend_interval"]["default"] == "1s"


def test_every_public_name_is_on_a_page_of_the_reference():
    pages = "".join(
        (ROOT / "docs" / "reference" / f"{one}.md").read_text() for one in reference.GROUPS
    )

    assert [one for one in aerospike_resilience.__all__ if f"| `{one}` |" not in pages] == []
    assert re.findall(r"\| `\w+` \|  ?\|", pages) == [], "a public name without a docstring"


def test_every_finding_has_a_page():
    assert [path.stem for path in LINT] == list(reference.every_finding())


@pytest.mark.parametrize("page", LINT, ids=lambda page: page.stem)
def test_the_examples_of_a_findings_page_have_it_and_do_not(page, tmp_path):
    wanted = []
    for language, options, text in EXAMPLE.findall(page.read_text()):
        if language == "python":
            path = tmp_path / "service.py"
            path.write_text(text)
            wanted.append(page.stem in {one.id for one in examine_code(path)})
        elif "finds=" in options:
            client = re.search(r"client=(\S+)", options)
            (tmp_path / "mine.yaml").write_text(text)
            profile = PolicyLibrary([tmp_path]).load("mine")
            adapter = adapter_named(client[1] if client else "aerospike")
            found = page.stem in {one.id for one in examine(profile, adapter, {})}
            assert found == ("finds=none" not in options), options
            wanted.append(found)

    assert wanted == [True, False] or page.stem == "AR021"  # which is of a variable


@pytest.mark.parametrize("style", ["text", "json", "sarif"])
def test_a_finding_names_its_page(style):
    finding = Finding("AR001", "warning", "mine", "mine.yaml:3", "will fail", "do not")

    assert "docs/lint/AR001.md" in FORMATS[style]([finding])
    assert (ROOT / finding.page).exists()


def test_every_metric_that_a_guide_names_is_one():
    """``node.state``, but not ``breaker.mode``, which is a key of a policy file."""
    ours = "aerospike.resilience."
    known = [name.removeprefix(ours) for name in METRICS if name.startswith(ours)]
    schema = json_schema()
    keys = {
        f"{key}.{inner}"
        for key, value in schema["properties"].items()
        for ref in re.findall(r"'#/\$defs/(\w+)'", str(value))
        for inner in schema["$defs"][ref]["properties"]
    }
    subjects = {name.partition(".")[0] for name in (*known, *schema["properties"])}
    pages = [
        *(ROOT / "docs" / name for name in ("runbook.md", "tutorial.md")),
        *(ROOT / "docs" / "ideas").glob("*.md"),
        *(ROOT / "docs" / "recipes").glob("*.md"),
    ]

    named = {
        name
        for page in pages
        for name in re.findall(r"`(?:aerospike\.resilience\.)?(\w+\.\w[\w.]*)`", page.read_text())
        if name.partition(".")[0] in subjects
    }
    assert len(named) > 8
    within = {name for name in named if name.rpartition(".")[0] in keys}  # retry.budget.ratio
    assert named - {*known, *keys, *within} == set()
