"""The command says what there is, and what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from aerospike_resilience.cli.main import COMMANDS, cli


def test_help_names_every_command_and_its_use():
    found = CliRunner().invoke(cli, ["--help"])

    assert found.exit_code == 0
    for name, (_, _, line) in COMMANDS.items():
        assert name in found.output
        assert line in found.output


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name):
    found = CliRunner().invoke(cli, [name, "--help"])

    assert found.exit_code == 0
    assert "Usage:" in found.output


def test_the_version_is_the_packages():
    from importlib.metadata import version

    assert version("aerospike-resilience") in CliRunner().invoke(cli, ["--version"]).output


def test_an_unknown_command_is_refused():
    found = CliRunner().invoke(cli, ["demmo"])

    assert found.exit_code == 2
    assert "demmo" in found.output


def test_without_its_extra_the_command_says_how_to_get_it():
    code = (
        "import sys; sys.modules['click'] = None\nfrom aerospike_resilience.cli import main\nmain()"
    )

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert found.returncode == 2
    assert "pip install 'aerospike-resilience[cli]'" in found.stderr


def test_the_installed_command_starts():
    found = subprocess.run(
        [sys.executable, "-c", "from aerospike_resilience.cli import main; main()", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "aerospike-resilience" in found.stdout
