"""The reference pages of docs/ that the code itself can tell; `python docs/tables.py` writes them.

Policy sections from the schema, lint findings from their rules, metrics as they are created, the command
line from click, public names from their docstrings.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

import aerospike_resilience
from aerospike_resilience import testing
from aerospike_resilience.cli.main import cli
from aerospike_resilience.profiles.lint_code import DEADLINE, examine_code
from aerospike_resilience.profiles.rules import RULES

sys.path.insert(0, str(Path(__file__).resolve().parent))

import house  # beside this file, which is no package
import policy_pages
from policy_pages import cell

DOCS = Path(__file__).resolve().parent
POLICY = DOCS / "reference" / "policy"
LINT = DOCS / "lint"

GROUPS = {
    "wrapping": (
        "resilient resilience Resilience instrument uninstrument deadline remaining carry RetryRules "
        "BreakerHooks FallbackClient TelemetryProviders SeparateOptions"
    ),
    "connecting": (
        "connect connect_per_process AwaitedPerProcessClient Connecting ConnectOptions ClusterDefinition "
        "ClientConfig Host TlsBuilder SystemSettings TransactionSettings AuthMode explain_connection "
        "ConnectionExplanation ConnectionValue"
    ),
    "errors": (
        "ResilienceError RefusedError CircuitOpenError BackpressureError DeadlineExceededError "
        "ClientClosedError ForkedClientError NotAClientError AlreadyWrappedError NotWrappedError "
        "IsolationError UnknownNodeError PolicyFileError UnknownProfileError Problem ClientConfigError "
        "UnsupportedSettingError ConnectError UnreachableClusterError WrongClusterError "
        "RefusedCredentialsError TlsError"
    ),
    "values": (
        "Outcome OutcomeKind Refusal Attempt Failure FailureKind Fault Operation Kind Shape Criticality "
        "Key Plan BatchCall Rows"
    ),
    "interceptors": "Interceptor Call Proceed ProceedAsync CHAIN_ORDER ChainPlace Placed Arrange",
    "profiles": (
        "Profile Setting Explanation Reload Policies ConnectionSection SharedMemorySection RetrySection "
        "BudgetSection AdaptiveTimeoutSection BreakerSection BackpressureSection TelemetrySection"
    ),
    "testing": " ".join(testing.__all__),
}
"""The public names by page. A name that is in none is in the last table of `profiles`."""


def tables() -> dict[str, str]:
    """Return every table of a reference page by its name."""
    return {
        **{f"api_{group}": api(group) for group in GROUPS},
        **{f"example_{name}": text for name, text in examples()},
        "commands": commands(),
        "findings": findings(),
        **{name: finding(name) for name in every_finding()},
    }


def pages() -> dict[Path, str]:
    """Return the pages that are generated as a whole."""
    sections = {POLICY / f"{key}.md": text for key, text in policy_pages.policy_sections().items()}
    return {POLICY / "index.md": policy_pages.policy_index(), **sections}


# Applications

LANGUAGES = {".py": "python no-run no-types", ".yaml": "yaml"}


def examples() -> Iterator[tuple[str, str]]:
    """Yield each application of examples/ by its name, as a fenced block."""
    for path in sorted((house.ROOT / "examples").rglob("*")):
        if path.suffix in LANGUAGES:
            yield path.stem, f"```{LANGUAGES[path.suffix]}\n{path.read_text()}```\n"


# Public names


def api(group: str) -> str:
    """Return a group's names, each with the first line of its docstring."""
    lines = ["| name | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {summary(name)} |" for name in names_of(group)]
    return "\n".join(lines) + "\n"


def names_of(group: str) -> list[str]:
    """Return a group's names; those that no group has are among the profile's."""
    named = GROUPS[group].split()
    if group == "profiles":
        everywhere = {name for names in GROUPS.values() for name in names.split()}
        named += sorted(set(aerospike_resilience.__all__) - everywhere)
    return named


def summary(name: str) -> str:
    """Return the first line of a public name's docstring, or what its module says beneath it."""
    module = aerospike_resilience if name in aerospike_resilience.__all__ else testing
    found = getattr(module, name)
    documented = inspect.isclass(found) or inspect.isfunction(found)
    text = (inspect.getdoc(found) or "") if documented else beneath(name)
    return cell(text.partition("\n\n")[0].replace("\n", " "))


def beneath(name: str) -> str:
    """Return the text that stands beneath a name where it is defined."""
    home = aerospike_resilience._HOME_OF[name]
    path = house.HOUSE / f"{home.strip('.').replace('.', '/')}.py"
    found = re.search(
        rf'^{name}\b[^\n]*?=.*?\n"""(.*?)"""', path.read_text(), re.MULTILINE | re.DOTALL
    )
    return found[1] if found else ""


# Lint


def every_finding() -> dict[str, tuple[str, Callable[..., Any]]]:
    """Return severity and rule of every finding, by id."""
    return dict(sorted({**RULES, DEADLINE: ("warning", examine_code)}.items()))


CODE_FINDING = "``deadline()`` with a bare number of 10 or more: seconds, or meant as milliseconds?"


def title_of(name: str) -> str:
    """Return in a line what a finding is about."""
    rule = every_finding()[name][1]
    text = CODE_FINDING if name == DEADLINE else (inspect.getdoc(rule) or "")
    return cell(text.partition("\n\n")[0].replace("\n", " ").replace("``", "`").rstrip("."))


def findings() -> str:
    """Return every finding with its severity."""
    lines = ["| id | severity | what it finds |", "|---|---|---|"]
    lines += [
        f"| [{name}]({name}.md) | {severity} | {title_of(name)} |"
        for name, (severity, _rule) in every_finding().items()
    ]
    return "\n".join(lines) + "\n"


def finding(name: str) -> str:
    """Return the head of a finding's page."""
    severity = every_finding()[name][0]
    means = {
        "error": "contradicts itself, is refused, or loses data",
        "warning": "will hurt",
        "note": "may surprise",
    }[severity]
    return f"**{severity}** ({means}): {title_of(name)}.\n"


# The command line


def commands() -> str:
    """Return every command with its help."""
    return "\n".join(_commands(cli, None))


def _commands(command: click.Command, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(
        command,
        parent,
        info_name=command.name if parent else "aerospike-resilience",
        max_content_width=80,
        terminal_width=80,
        **command.context_settings,
    )
    command._help_option = None  # kept from the first use, which may have been without a parent
    if not isinstance(command, click.Group):
        yield f"## `{context.command_path}`\n\n```text\n{command.get_help(context)}\n```\n"
        return
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        if inner is not None and not inner.hidden:
            yield from _commands(inner, context)
