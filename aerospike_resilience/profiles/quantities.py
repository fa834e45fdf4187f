"""The types of values in a policy file: durations, sizes, counts, shares, times to live."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from ..model.duration_text import milliseconds
from ..model.durations import ms_to_s, s_to_ms
from ..model.wording import shown
from .units import TTL_NAMES, Unit, share_of, size, time_to_live, whole_milliseconds

_WRITTEN_DURATION: Final[dict[str, Any]] = {
    "description": "a number in the field's unit, or text with a unit",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(us|ms|s|m|h)\s*$"},
    ],
}

_WRITTEN_POSITIVE_DURATION: Final = {
    "description": "a number in the field's unit, or text with a unit; longer than 0",
    "anyOf": [
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": r"^\s*\d*[1-9]\d*(\.\d+)?\s*(us|ms|s|m|h)\s*$"},
        {"type": "string", "pattern": r"^\s*\d+\.\d*[1-9]\d*\s*(us|ms|s|m|h)\s*$"},
    ],
}

_WRITTEN_SIZE: Final = {
    "description": "a number of bytes, or text with a unit",
    "anyOf": [
        {"type": "integer", "minimum": 0},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(B|kB|KiB|MB|MiB|GB|GiB)\s*$"},
    ],
}

Milliseconds = Annotated[
    int,
    BeforeValidator(whole_milliseconds),
    WithJsonSchema(_WRITTEN_DURATION),
    Unit.MILLISECONDS,
]
"""An Aerospike policy's duration: whole milliseconds."""

Seconds = Annotated[
    float,
    BeforeValidator(lambda value: ms_to_s(milliseconds(value))),
    WithJsonSchema(_WRITTEN_DURATION),
    Unit.OURS,
]
"""A duration in a section of this library; a bare number is in milliseconds."""


def _positive(value: object) -> float:
    found = ms_to_s(milliseconds(value))
    if not found:
        raise ValueError("0 is no duration here; it must be longer than 0")
    return found


PositiveSeconds = Annotated[
    float,
    BeforeValidator(_positive),
    WithJsonSchema(_WRITTEN_POSITIVE_DURATION),
    Unit.OURS,
]
"""The same, but more than 0: an interval of 0 s would repeat without a pause."""

IdleSeconds = Annotated[
    float,
    BeforeValidator(lambda value: ms_to_s(milliseconds(value, s_to_ms(1)))),
    WithJsonSchema(_WRITTEN_DURATION),
    Unit.IDLE,
]
"""``max_socket_idle``, which Aerospike documents in seconds."""


def _with_its_unit(value: object) -> int:
    bare = isinstance(value, int | float) and not isinstance(value, bool)
    if bare and value:
        raise ValueError(
            f"{shown(value)}s or {shown(value)}ms? The clients disagree on the unit of this name: seconds "
            "for aerospike-py, milliseconds for aerospike-native; write the unit"
        )
    return whole_milliseconds(value)


NamedMilliseconds = Annotated[
    int,
    BeforeValidator(_with_its_unit),
    WithJsonSchema(
        {
            "description": "text with a unit, as the clients disagree on what a bare number is; or 0",
            "anyOf": [{"const": 0}, _WRITTEN_DURATION["anyOf"][1]],
        }
    ),
    Unit.MILLISECONDS,
]
"""A duration under a name that is in seconds for one client and in milliseconds for another."""

Bytes = Annotated[int, BeforeValidator(size), WithJsonSchema(_WRITTEN_SIZE), Unit.BYTES]
"""A size; a bare number is in bytes."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]
Share = Annotated[float, Field(ge=0, le=1, strict=True)]

RolloutShare = Annotated[
    float,
    BeforeValidator(share_of),
    WithJsonSchema(
        {
            "description": "a percentage, or a number between 0 and 1",
            "anyOf": [
                {"type": "string", "pattern": r"^\s*(100(\.0+)?|\d{1,2}(\.\d+)?)\s*%\s*$"},
                {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
            ],
        }
    ),
    Unit.SHARE,
]
"""A share of the processes. Not 1, which may mean 1 % or all."""

Flag = Annotated[bool, Field(strict=True)]
"""True or false, but neither 1 nor the text ``yes``."""

TimeToLive = Annotated[
    int | str,
    BeforeValidator(time_to_live),
    WithJsonSchema(
        {
            "description": "seconds, text with a unit, or a name",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"enum": list(TTL_NAMES)},
                {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(s|m|h|d)\s*$"},
            ],
        }
    ),
    Unit.TTL,
]
"""A record's time to live: whole seconds, or a name, as the clients' numbers for the names differ."""


class Section(BaseModel):
    """A mapping of a policy file: unknown keys are refused, values cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)
