"""The pages of docs/reference/policy/: every section of a policy file, read from the schema."""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from aerospike_resilience.profiles.fields import ConnectionSection, PolicyFields, Scopes
from aerospike_resilience.profiles.json_schema import json_schema
from aerospike_resilience.profiles.schema import PolicyFile
from aerospike_resilience.profiles.spelling import unit_of
from aerospike_resilience.profiles.synonyms import CONNECTION_SYNONYMS, FIELD_SYNONYMS
from aerospike_resilience.profiles.units import Unit


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


def sentence(text: str) -> str:
    """Return a description as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}." if text else ""


def cell(text: str) -> str:
    """Return text for a cell of a table."""
    return text.replace("``", "`").replace("|", "\\|").strip()
