"""The JSON Schema of policy files, with which editors complete, check and explain what is typed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ..model.duration_text import duration_text
from .descriptions import DESCRIPTIONS, Entries
from .quantities import Section
from .schema import PolicyFile
from .spelling import unit_of
from .units import Unit, share_text


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file: each key with its description, default and example."""
    found = PolicyFile.model_json_schema(by_alias=True)
    for section in _sections(Section):
        name = section.__name__
        part = found if section is PolicyFile else found["$defs"].get(name)
        if part is not None:
            _describe(part["properties"], section, DESCRIPTIONS[name])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aerospike-resilience policy file",
        **{key: value for key, value in found.items() if key != "title"},
    }


def _sections(root: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for section in root.__subclasses__():
        yield section
        yield from _sections(section)


def _describe(properties: dict[str, Any], section: type[BaseModel], entries: Entries) -> None:
    for name, field in section.model_fields.items():
        key = field.alias or name
        properties[key].pop("title", None)  # the key again, in other letters
        properties[key]["default"] = 1 if key == "version" else _default(field)
        if key in entries:
            properties[key]["description"], example = entries[key]
            properties[key]["examples"] = [example]


def _default(field: FieldInfo) -> Any:
    """Return the value that holds where no file sets the key, as a file would write it."""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        return _written(value)
    if unit_of(field) is Unit.SHARE:
        return share_text(value)
    if unit_of(field) is Unit.OURS and value is not None and not isinstance(value, tuple):
        return duration_text(value * 1000) if value else 0
    return list(value) if isinstance(value, tuple) else value


def _written(section: BaseModel) -> dict[str, Any]:
    fields = type(section).model_fields.values()
    if any(isinstance(value, BaseModel) for value in dict(section).values()) or len(fields) > 2:
        return {}  # each key of it has its own default
    return section.model_dump(by_alias=True)
