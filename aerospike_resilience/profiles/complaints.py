"""Turns pydantic's errors into messages that use the names and values of the policy file."""

from __future__ import annotations

import datetime
from typing import Any, Final, Literal, get_args, get_origin

from ..errors import Problem
from ..model.wording import either, redacted, shown, suggestion
from .source import KeyPath, PolicySource
from .spelling import is_secret

_LISTS: Final = {"isolate": "[A1]", "chain": "[2ms, 10ms, 50ms]", "rack_ids": "[1, 2]"}
"""Examples of the lists that a policy file may hold."""

_LISTED: Final = frozenset({"list_type", "tuple_type", "set_type", "frozen_set_type"})
_NUMBERS: Final = ("int", "float")
_PLAIN_BOOLS: Final = frozenset({"true", "false"})
_BOOL_WORDS: Final = ("on", "off", "yes", "no")


def problem_of(source: PolicySource, model: Any, details: Any) -> Problem:
    """Return a pydantic error as a problem of a file.

    Args:
        source: what was checked.
        model: the schema that it was checked against.
        details: one of `pydantic.ValidationError.errors()`.
    """
    path: KeyPath = tuple(str(step) for step in details["loc"])
    return source.problem(path, _message(source, model, details, path))


def _message(source: PolicySource, model: Any, details: Any, path: KeyPath) -> str:
    given, raw = details.get("input"), source.written.get(path)
    if isinstance(given, datetime.date) and raw is not None:
        return f"{raw} is read as a date by YAML; {_wanted(model, details, path)}"
    if isinstance(given, bool) and raw is not None and raw.lower() not in _PLAIN_BOOLS:
        said = f"{raw} is read as {str(given).lower()} by YAML"
        return f"{said}; {_instead_of_bool(raw, model, details, path)}"
    return _wanted(model, details, path)


def _instead_of_bool(raw: str, model: Any, details: Any, path: KeyPath) -> str:
    """Return what to write instead of a word such as ``on``, which YAML reads as true."""
    if details["type"] == "literal_error":
        known = _known(model, path)
        quoted = [word for word in known if word in _BOOL_WORDS]
        hint = f" (in quotes: {', '.join(f'{chr(34)}{word}{chr(34)}' for word in quoted)})"
        return f"write {either(known)}{hint if quoted else ''}"
    if details["type"] == "string_type":
        return f'write "{raw}" in quotes'
    return _wanted(model, details, path)


def _wanted(model: Any, details: Any, path: KeyPath) -> str:
    from . import schema

    kind, given = details["type"], details.get("input")
    value = "what is written" if is_secret(path[:2]) else shown(given)
    if kind in _LISTED:
        example = _LISTS.get(path[-1], "[a, b]")
        if path[-1] == "isolate" and isinstance(given, str) and given.isalnum():
            example = f"[{given}]"
        return f"should be a list, such as {example}, not {value}"
    if kind.startswith(_NUMBERS) and isinstance(given, str) and _is_number(given):
        return f"should be a number and is text; write {given} without quotes"
    match kind:
        case "extra_forbidden":
            known = schema.known_keys(path[:-1], model)
            return f"there is no key {shown(path[-1])} here{suggestion(path[-1], known)}"
        case "missing":
            needed = "1" if path == ("version",) else "a value"
            return f"is missing; it must be {needed}"
        case "literal_error" if path == ("version",):
            if given == "1":
                return f"{value} is text; write version: 1 without quotes"
            return f"{value} is not supported; this release reads version 1"
        case "literal_error":
            return (
                f"{value} is none of the values it may have{suggestion(given, _known(model, path))}"
            )
        case "value_error":
            message = str(details["ctx"]["error"])
            return (
                message.replace("why it is", f"why {path[-1]} is") if path[0] == "lint" else message
            )
        case "model_type" | "dict_type" | "model_attributes_type" | "mapping_type":
            return f"must be a mapping of keys to values, not {value}"
        case "string_type":
            return f"should be a valid string, not {value}; put it in quotes if it is text"
        case "bool_type" | "bool_parsing":
            return f"should be a valid boolean, true or false, not {value}"
        case "int_type" | "int_parsing" | "int_from_float":
            return f"should be a valid integer, not {value}"
        case "float_type" | "float_parsing":
            return f"should be a valid number, not {value}"
        case _:
            message = str(details["msg"]).removeprefix("Input ")
            return redacted(f"{message[0].lower()}{message[1:]}, not {value}")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _known(model: Any, path: KeyPath) -> list[str]:
    """Return the constants that a key may have."""
    from .schema import field_at

    field = field_at(path, model)
    return [str(word) for word in _words(field.annotation)] if field is not None else []


def _words(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [word for part in get_args(annotation) for word in _words(part)]
