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
import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

import aerospike_resilience
from aerospike_resilience import testing
from aerospike_resilience.cli.main import cli
from aerospike_resilience.profiles.fields import ConnectionSection, PolicyFields, Scopes
from aerospike_resilience.profiles.json_schema import json_schema
from aerospike_resilience.profiles.lint_code import DEADLINE, examine_code
from aerospike_resilience.profiles.rules import RULES
from aerospike_resilience.profiles.schema import PolicyFile
from aerospike_resilience.profiles.spelling import unit_of
from aerospike_resilience.profiles.synonyms import CONNECTION_SYNONYMS, FIELD_SYNONYMS
from aerospike_resilience.profiles.units import Unit

sys.path.insert(0, str(Path(__file__).resolve().parent))

import house  # beside this file, which is no package

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
    sections = {POLICY / f"{key}.md": text for key, text in policy_sections().items()}
    return {POLICY / "index.md": policy_index(), **sections}


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


# Policy files


def policy_sections() -> dict[str, str]:
    """Return a page for each section of a policy file, by its key."""
    found = {}
    for key, field in PolicyFile.model_fields.items():
        model = model_in(field.annotation)
        if key in ("policy", "sets"):
            found[key] = section_page(key, Scopes, "Scopes") if key == "sets" else policy_page()
        elif key == "operations":
            continue  # the fields of `policy`
        elif model is not None:
            found[key] = section_page(key, model, model.__name__)
    return found


def policy_index() -> str:
    """Return the page that lists every key at the top of a policy file."""
    schema = json_schema()
    own = policy_sections()
    lines = ["| key | default | what it does |", "|---|---|---|"]
    for key in PolicyFile.model_fields:
        page = {"operations": "policy"}.get(key, key)
        shown = f"[`{key}`]({page}.md)" if page in own else f"`{key}`"
        text = schema["properties"][key].get("description", "")
        default = default_of(schema["properties"][key]) if page not in own else ""
        lines.append(f"| {shown} | {default} | {cell(sentence(text))} |")
    return INDEX_HEAD + "\n".join(lines) + "\n"


INDEX_HEAD = """# Every key of a policy file

[Policy files](../../policies.md) explains how files are found, extended and changed. These pages say what
each key does. `aerospike-resilience policy schema` prints the same as a JSON Schema, with which your editor
completes and checks a file.

"""

POLICY_HEAD = """# `policy`, `sets` and `operations`

Aerospike's own policy fields. Under `policy` they stand by scope, and the more specific scope wins. `sets`
has the same scopes for one namespace or set, `operations` has fields for one method. A field that no file
sets keeps the client's own value.

```yaml
version: 1
extends: default
policy:
  reads: {total_timeout: 250ms, max_retries: 2}
sets:
  test.sessions: {reads: {total_timeout: 80ms}}
operations:
  info_all: {timeout: 500ms}
```

"""

SETS = """A key is `namespace`, `namespace.set`, or `namespace:set` where dots are part of the set's own
name. Beneath it stand the [scopes and fields](policy.md) of `policy`."""


def policy_page() -> str:
    """Return the page of Aerospike's fields and scopes."""
    return (
        POLICY_HEAD
        + "## Scopes\n\n"
        + rows("Scopes", Scopes, with_default=False)
        + "\n## Fields\n\n"
        + rows("PolicyFields", PolicyFields, FIELD_SYNONYMS, with_default=False)
        + "\n## Which client takes which field\n\n<!-- table: fields -->\n<!-- /table -->\n"
        + "\n## Other names\n\n"
        + synonyms(FIELD_SYNONYMS)
    )


def section_page(key: str, model: type[BaseModel], name: str) -> str:
    """Return the page of one section."""
    schema = json_schema()
    known = CONNECTION_SYNONYMS if model is ConnectionSection else {}
    text = schema["properties"][key].get("description") or schema["$defs"][name].get(
        "description", ""
    )
    parts = [f"# `{key}`", text]
    parts.append(f"```yaml\n{example(key)}```")
    if key == "sets":
        parts.append(SETS)
    else:
        parts.append(rows(name, model, known))
    for field_name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is not None and key != "sets":
            parts += [f"## `{field_name}`", rows(inner.__name__, inner)]
    if known:
        parts += [
            "## Which client takes which setting",
            "A name in a cell is the client's own setting, which gets the value.",
            "<!-- table: settings -->\n<!-- /table -->",
        ]
        parts += ["## Other names", synonyms(known)]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def example(key: str) -> str:
    """Return a part of a policy file with this section."""
    given = json_schema()["properties"][key]["examples"][0]
    return "version: 1\nextends: latency\n" + yaml.safe_dump({key: given}, sort_keys=False)


def rows(name: str, model: type[BaseModel], known: Any = (), *, with_default: bool = True) -> str:
    """Return a table of a model's keys: what each does, its default, what it may be, an example."""
    schema = json_schema()["$defs"][name]["properties"]
    heads = ["key", "default", "values", "what it does", "example"]
    lines = []
    for field_name, field in model.model_fields.items():
        key = field.alias or field_name
        if key in known:
            continue
        one = schema[key]
        default = default_of(one)
        what = cell(sentence(one.get("description", "")))
        cells = [f"`{key}`", default, values(field, one), what, flow(one.get("examples", [""])[0])]
        lines.append(cells)
    shown = [index for index, head in enumerate(heads) if with_default or head != "default"]
    table = [heads, ["---"] * len(heads), *lines]
    return "".join(f"| {' | '.join(row[index] for index in shown)} |\n" for row in table)


def default_of(schema: dict[str, Any]) -> str:
    """Return a key's default, as a file would write it."""
    if "default" not in schema:
        return "required"
    value = schema["default"]
    if value is None:
        return "not set"
    return flow(value) if value not in ("", [], {}) else "none"


def flow(value: Any) -> str:
    """Return a value as a file may write it, in one line of code."""
    if value == "":
        return ""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=1000)
    return f"`{text.removesuffix('...' + chr(10)).strip()}`"


KINDS = {
    Unit.MILLISECONDS: "duration; a bare number is in ms",
    Unit.OURS: "duration; a bare number is in ms",
    Unit.IDLE: "duration; a bare number is in s",
    Unit.BYTES: "size; a bare number is in bytes",
    Unit.TTL: "time to live; a bare number is in s",
    Unit.SHARE: "share, such as `10%` or `0.1`",
}


def values(field: FieldInfo, schema: dict[str, Any]) -> str:
    """Return what a field may be."""
    unit = unit_of(field)
    if unit is not None:
        return KINDS[unit]
    if (inner := model_in(field.annotation)) is not None:
        return "fields" if inner is PolicyFields else "a section"
    options = [schema, *schema.get("anyOf", [])]
    for one in options:
        if "enum" in one:
            return ", ".join(f"`{value}`" for value in one["enum"] if isinstance(value, str))
        if "$ref" in one:
            return "a section, see below"
    kinds = [one.get("type") for one in options if one.get("type") not in (None, "null")]
    one = next((one for one in options if one.get("type") == kinds[0]), {}) if kinds else {}
    least = one.get("minimum", one.get("exclusiveMinimum"))
    most = one.get("maximum", one.get("exclusiveMaximum"))
    names = {
        "boolean": "`true`, `false`",
        "array": "a list",
        "object": "a mapping",
        "string": "text",
    }
    if not kinds:
        return ""
    if kinds[0] in names:
        return names[kinds[0]]
    what = "whole number" if kinds[0] == "integer" else "number"
    if most is None or most >= 2**31 - 1:
        return f"{what}, from {least:g}" if least is not None else what
    return f"{what}, {least:,} to {most:,}"


def synonyms(known: Any) -> str:
    """Return the other names of a model's keys."""
    lines = ["| name | the same as |", "|---|---|"]
    lines += [f"| `{name}` | `{own}` |" for name, (own, _change) in known.items()]
    return "\n".join(lines) + "\n"


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model in an annotation such as ``Section | None``."""
    for part in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


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


def sentence(text: str) -> str:
    """Return a description as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return text.replace("``", "`").replace("|", "\\|").strip()
