"""The shape of a policy file. Imported when the first file is loaded, because importing pydantic is slow.

Names in a file are Aerospike's; durations of our own sections become seconds in attributes that end
in ``_s``. What each key means is in `descriptions`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic.fields import FieldInfo

from ..model.wording import redacted, shown
from .fields import ConnectionSection, PolicyFields, Scopes
from .operation_names import OPERATION_NAMES
from .quantities import Count, Flag, PositiveSeconds, RolloutShare, Seconds, Share
from .quantities import Section as _Section

MIN_REASON = 3
"""Characters of a reason for ignoring a finding."""

SET_NAME = r"^[^.:]+([.][^.:]+|:[^:]+)?$"
"""A key of ``sets``."""

IDENTITY = r"^(hostname|env:[A-Za-z_][A-Za-z0-9_]*)$"
"""What distinguishes processes in a rollout."""

WHOLE = "whole"
"""In the context of a validation: whether these are all settings of a profile, parents included."""

Permits = Annotated[int, Field(ge=1, le=100_000, strict=True)]


def _node_share(value: object) -> object:
    """Accept a share of the limit or a number of permits, but not 1.0, which could mean either."""
    if isinstance(value, int) and not isinstance(value, bool):
        right = value >= 1
    else:
        right = value is None or (isinstance(value, float) and 0 < value < 1)
    if not right:
        raise ValueError(f"a share between 0 and 1 or a whole number is needed, not {shown(value)}")
    return value


NodeShare = Annotated[
    float,
    BeforeValidator(_node_share),
    WithJsonSchema(
        {
            "description": "a share of the limit, or a number of permits",
            "anyOf": [
                {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
                {"type": "integer", "minimum": 1},
            ],
        }
    ),
]


_NAMED_SET = r"^[^.]+[.].+$"
"""A set, as ``namespace.set``."""


def _named_sets(value: object) -> object:
    """Accept a number of sets, or a list of their names."""
    right = (
        all(isinstance(one, str) and re.match(_NAMED_SET, one) for one in value)
        if isinstance(value, list | tuple)
        else isinstance(value, int) and not isinstance(value, bool) and value >= 0
    )
    if not right:
        raise ValueError(
            f"a number of sets or a list such as [test.carts] is needed, not {shown(value)}"
        )
    return value


NamedSets = Annotated[
    int | list[str],
    BeforeValidator(_named_sets),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "array", "items": {"type": "string", "pattern": _NAMED_SET}},
            ]
        }
    ),
]


def _off(value: object) -> object:
    """Accept false for ``off``, because YAML reads a bare ``off`` as false."""
    return "off" if value is False else value


def _version(value: object) -> object:
    """Refuse true, which equals 1 in Python."""
    if isinstance(value, bool | float):
        raise ValueError(  # noqa: TRY004 - pydantic collects those
            f"{shown(value)} is not supported; this release reads version 1"
        )
    return value


def _server(value: object) -> str:
    """Accept the URL of a Redis if host and port can be read from it. A message never shows it.

    It may hold a user and a password. If these are not percent-encoded, a part of them may look like a host
    or a port.
    """
    if not isinstance(value, str) or not value.startswith(("redis://", "rediss://")):
        raise ValueError(
            "should be a URL such as redis://host:6379/0 (what is written may hold a password, and is not "
            "shown)"
        )
    try:
        parts = urlsplit(value)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        named = False
    if not named or "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError(
            "no server can be read from this URL; write redis://host:port/db, and percent-encode what is "
            "neither letter nor digit of a user or a password"
        )
    return value


def _reason(value: object) -> object:
    """Refuse a reason that is too short to explain why a finding is ignored."""
    if isinstance(value, str) and len(value.strip()) < MIN_REASON:
        raise ValueError(f"{shown(value)} is no reason; say in a few words why it is ignored")
    return value


def _identity(value: object) -> object:
    """Accept what can distinguish processes."""
    if not isinstance(value, str) or not re.fullmatch(IDENTITY, value):
        raise ValueError(
            f"{shown(value)} tells no processes apart; write hostname, or env:NAME for an environment "
            "variable"
        )
    return value


class BudgetSection(_Section):
    """How many retries are allowed: a share of recent operations, plus a reserve."""

    ratio: Share = 0.1
    min_per_second: Annotated[float, Field(ge=0, le=100_000, strict=True)] = 10.0


class RetrySection(_Section):
    """How this library repeats attempts."""

    backoff: Literal[
        "constant",
        "linear",
        "exponential",
        "exponential_jitter",
        "full_jitter",
        "decorrelated_jitter",
        "chained",
    ] = "exponential_jitter"
    chain: tuple[Seconds, ...] = ()
    sleep_s: Seconds = Field(0.002, alias="sleep")
    max_sleep_s: Seconds = Field(0.05, alias="max_sleep")
    native_failover: Annotated[int, Field(ge=0, le=10, strict=True)] = 1
    budget: BudgetSection | None = Field(default_factory=BudgetSection)
    in_doubt: Literal["report", "verify"] = "report"

    @model_validator(mode="after")
    def _chained(self, info: ValidationInfo) -> RetrySection:
        # A single file may inherit the chain from its parent, or be the parent that defines it.
        whole = info.context is not None and info.context.get(WHOLE)
        if whole and self.backoff == "chained" and not self.chain:
            raise ValueError(
                "backoff: chained needs a chain of sleeps, such as chain: [2ms, 10ms, 50ms]"
            )
        return self


class AdaptiveTimeoutSection(_Section):
    """How long a read waits for a node before it leaves for a replica."""

    quantile: Annotated[float, Field(gt=0, lt=1, strict=True)] = 0.99
    factor: Annotated[float, Field(ge=1, le=100, strict=True)] = 4.0
    min_s: Seconds = Field(0.005, alias="min")
    max_s: PositiveSeconds = Field(0.04, alias="max")


class BreakerSection(_Section):
    """The breaker of each node."""

    mode: Annotated[
        Literal["enforce", "shadow", "off"],
        BeforeValidator(_off),
        WithJsonSchema({"enum": ["enforce", "shadow", "off", False]}),
    ] = "enforce"
    max_error_rate: Count = 20
    error_rate_window: Annotated[int, Field(ge=1, le=3600, strict=True)] = 1
    half_open_calls: Annotated[int, Field(ge=1, le=1000, strict=True)] = 3
    max_open_share: Share = 0.5
    on_replica_open: Literal["fail", "commit_master", "wait"] = "fail"
    silence_s: PositiveSeconds = Field(0.25, alias="silence")
    failure_rate: Annotated[float, Field(gt=0, le=1, strict=True)] | None = None
    slow_call_rate: Annotated[float, Field(gt=0, le=1, strict=True)] | None = None
    slow_call_duration_s: PositiveSeconds = Field(1.0, alias="slow_call_duration")
    minimum_calls: Annotated[int, Field(ge=1, le=1_000_000, strict=True)] = 20
    isolate: tuple[str, ...] = ()
    batch_on_open: Literal["partial", "fail"] = "partial"
    storage: (
        Annotated[
            str,
            BeforeValidator(_server),
            PlainSerializer(redacted),
            WithJsonSchema({"type": "string", "pattern": "^rediss?://"}),
        ]
        | None
    ) = Field(None, repr=False)


class BackpressureSection(_Section):
    """The gate."""

    max_concurrent_operations: Count = 0
    operation_queue_timeout_s: Seconds = Field(0.0, alias="operation_queue_timeout")
    queue: Literal["fifo", "lifo"] = "fifo"
    limit: Literal["fixed", "adaptive"] = "fixed"
    floor: Permits = 10
    ceiling: Permits = 1000
    batch_weight: Literal["one", "nodes"] = "one"
    batch_weight_cap: Permits = 8
    max_per_node: NodeShare | None = None


class TelemetrySection(_Section):
    """What is reported to OpenTelemetry."""

    spans: Flag = True
    metrics: Flag = True
    db_query_text: Flag = False
    attempt_duration: Flag = False
    client_counters: Flag | None = None
    sets: NamedSets = 100
    returned_rows: Flag = False
    attempt_spans: Flag = False
    attempt_logs: Flag = False
    record_size: Flag = False
    count_as_errors: tuple[Literal["miss", "filtered", "cancelled"], ...] = ()
    last_call: Flag = False
    would_have: str | None = None


class LintSection(_Section):
    """Findings that were reviewed and are ignored."""

    ignore: dict[
        str,
        Annotated[
            str,
            BeforeValidator(_reason),
            WithJsonSchema({"type": "string", "minLength": MIN_REASON}),
        ],
    ] = Field(default_factory=dict)


class Settings(_Section):
    """A policy file without its head; also the shape of ``overrides=``."""

    connection: ConnectionSection = Field(default_factory=ConnectionSection)
    policy: Scopes = Field(default_factory=Scopes)
    operations: dict[str, PolicyFields] = Field(
        default_factory=dict,
        json_schema_extra={"propertyNames": {"enum": [*sorted(OPERATION_NAMES)]}},
    )
    sets: dict[str, Scopes] = Field(
        default_factory=dict, json_schema_extra={"propertyNames": {"pattern": SET_NAME}}
    )
    retry: RetrySection = Field(default_factory=RetrySection)
    adaptive_timeout: AdaptiveTimeoutSection | None = None
    breaker: BreakerSection = Field(default_factory=BreakerSection)
    backpressure: BackpressureSection = Field(default_factory=BackpressureSection)
    telemetry: TelemetrySection = Field(default_factory=TelemetrySection)
    forked_client: Literal["warn", "error", "allow"] = "warn"
    lint: LintSection = Field(default_factory=LintSection)


class RolloutSection(_Section):
    """In which share of the processes this file is in force."""

    share: RolloutShare = 1.0
    by: Annotated[
        str,
        BeforeValidator(_identity),
        WithJsonSchema({"type": "string", "pattern": IDENTITY}),
    ] = "hostname"
    previous: str | None = None


class PolicyFile(Settings):
    """A whole policy file."""

    version: Annotated[Literal[1], BeforeValidator(_version)]
    description: str = ""
    extends: str | None = None
    rollout: RolloutSection | None = None


def known_keys(path: tuple[Any, ...], root: type[BaseModel]) -> list[str]:
    """Return the keys that are valid at a place in a file, for suggestions."""
    model: Any = root
    for step in path:
        model = _inner(_annotation(model, step))
        if model is None:
            return []
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def field_at(path: tuple[Any, ...], root: type[BaseModel]) -> FieldInfo | None:
    """Return the schema's field for a key; None if it is a name that the file chooses, or unknown."""
    model: Any = root
    for step in path[:-1]:
        model = _inner(_annotation(model, step))
        if model is None:
            return None
    return _field(model, path[-1])


def _annotation(model: Any, step: Any) -> Any:
    """Return the type of a key's value; the same type again for a key of a mapping of names."""
    field = _field(model, step)
    return field.annotation if field is not None else model


def _field(model: Any, step: Any) -> FieldInfo | None:
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return None
    return next((f for n, f in model.model_fields.items() if step == (f.alias or n)), None)


def _inner(annotation: Any) -> Any:
    """Return the model inside ``Model | None`` or ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None
