"""The shape of a policy file. Imported when the first file is loaded: pydantic takes its time.

Names in a file are Aerospike's; durations of our own sections become seconds in attributes that end
in ``_s``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from .units import milliseconds, whole_milliseconds

_WRITTEN_DURATION = {
    "description": "a number in the field's unit, or text with a unit",
    "anyOf": [
        {"type": "number", "minimum": 0},
        {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*(us|ms|s|m|h)\s*$"},
    ],
}

Milliseconds = Annotated[
    int, BeforeValidator(whole_milliseconds), WithJsonSchema(_WRITTEN_DURATION)
]
"""An Aerospike policy's duration: whole milliseconds."""

Seconds = Annotated[
    float,
    BeforeValidator(lambda value: milliseconds(value) / 1000),
    WithJsonSchema(_WRITTEN_DURATION),
]
"""A duration of ours; a bare number is in milliseconds."""

IdleSeconds = Annotated[
    float,
    BeforeValidator(lambda value: milliseconds(value, 1000.0) / 1000),
    WithJsonSchema(_WRITTEN_DURATION),
]
"""``max_socket_idle``, which Aerospike documents in seconds."""

Count = Annotated[int, Field(ge=0, le=2**31 - 1, strict=True)]
Share = Annotated[float, Field(ge=0, le=1)]
Permits = Annotated[int, Field(ge=1, le=100_000, strict=True)]


def _node_share(value: object) -> object:
    """Take a share of the limit, or a number of permits; 1.0 might be meant as either."""
    if isinstance(value, int) and not isinstance(value, bool):
        right = value >= 1
    else:
        right = value is None or (isinstance(value, float) and 0 < value < 1)
    if not right:
        raise ValueError(f"a share between 0 and 1 or a whole number is needed, not {value!r}")
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


def _off(value: object) -> object:
    """YAML reads a bare ``off`` as false."""
    return "off" if value is False else value


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class PolicyFields(_Section):
    """Aerospike's policy fields. Every one is optional: what is not given stays as it was."""

    total_timeout: Milliseconds | None = None
    socket_timeout: Milliseconds | None = None
    timeout: Milliseconds | None = None
    connect_timeout: Milliseconds | None = None
    timeout_delay: Milliseconds | None = None
    info_timeout: Milliseconds | None = None
    sleep_between_retries: Milliseconds | None = None
    max_retries: Annotated[int, Field(ge=0, le=100, strict=True)] | None = None
    replica: Literal["sequence", "master", "any", "prefer_rack", "random"] | None = None
    read_mode_ap: Literal["one", "all"] | None = None
    read_mode_sc: Literal["session", "linearize", "allow_replica", "allow_unavailable"] | None = (
        None
    )
    key: Literal["digest", "send"] | None = None
    gen: Literal["ignore", "eq", "gt"] | None = None
    exists: (
        Literal["ignore", "create_only", "update_only", "replace_only", "create_or_replace"] | None
    ) = None
    commit_level: Literal["all", "master"] | None = None
    expected_duration: Literal["long", "short", "long_relax_ap"] | None = None
    ttl: int | None = None
    compress: bool | None = None
    compression_threshold: Count | None = None
    durable_delete: bool | None = None
    on_locking_only: bool | None = None
    deserialize: bool | None = None
    read_touch_ttl_percent: Annotated[int, Field(ge=-1, le=100)] | None = None
    error_detail_verbosity: Annotated[int, Field(ge=0, le=3)] | None = None
    concurrent: bool | None = None
    allow_inline: bool | None = None
    allow_inline_ssd: bool | None = None
    respond_all_keys: bool | None = None
    short_query: bool | None = None
    include_bin_data: bool | None = None
    max_records: Count | None = None
    records_per_second: Count | None = None
    max_concurrent_nodes: Count | None = None
    record_queue_size: Count | None = None
    send_as_is: bool | None = None
    check_bounds: bool | None = None


class Scopes(_Section):
    """Aerospike's scopes; the more specific one wins."""

    all: PolicyFields | None = None
    reads: PolicyFields | None = None
    reads_ap: PolicyFields | None = None
    reads_sc: PolicyFields | None = None
    reads_point: PolicyFields | None = None
    reads_batch: PolicyFields | None = None
    reads_query: PolicyFields | None = None
    writes: PolicyFields | None = None
    writes_ap: PolicyFields | None = None
    writes_sc: PolicyFields | None = None
    writes_retryable: PolicyFields | None = None
    writes_non_retryable: PolicyFields | None = None
    writes_point: PolicyFields | None = None
    writes_batch: PolicyFields | None = None
    writes_query: PolicyFields | None = None


class Connection(_Section):
    """Used where this library builds the client; compared with a client that already exists."""

    min_conns_per_node: Count | None = None
    max_conns_per_node: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    max_socket_idle_s: IdleSeconds | None = Field(None, alias="max_socket_idle")
    tend_interval_s: Seconds = Field(1.0, alias="tend_interval")


class Budget(_Section):
    """What retries may cost: a share of recent operations, plus a reserve."""

    ratio: Share = 0.1
    min_per_second: Annotated[float, Field(ge=0, le=100_000)] = 10.0


class Retry(_Section):
    """How attempts of ours follow each other."""

    backoff: Literal[
        "constant",
        "linear",
        "exponential",
        "exponential_jitter",
        "full_jitter",
        "decorrelated_jitter",
    ] = "exponential_jitter"
    sleep_s: Seconds = Field(0.002, alias="sleep")
    max_sleep_s: Seconds = Field(0.05, alias="max_sleep")
    native_failover: Annotated[int, Field(ge=0, le=10, strict=True)] = 1
    budget: Budget | None = Field(default_factory=Budget)


class Adaptive(_Section):
    """How long a read waits for a node before it leaves for a replica."""

    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.99
    factor: Annotated[float, Field(ge=1, le=100)] = 4.0
    min_s: Seconds = Field(0.005, alias="min")
    max_s: Seconds = Field(0.04, alias="max")


class Breaker(_Section):
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
    silence_s: Seconds = Field(0.25, alias="silence")


class Backpressure(_Section):
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
    """What is told to OpenTelemetry."""

    spans: bool = True
    metrics: bool = True
    db_query_text: bool = False


class Lint(_Section):
    """Findings that were looked at and are meant to be so."""

    ignore: dict[str, Annotated[str, Field(min_length=3)]] = Field(
        default_factory=dict, description="a finding's id, and the reason why it is no mistake here"
    )


class Settings(_Section):
    """All that a policy file may say but for its head; the shape of ``overrides=`` too."""

    connection: Connection = Field(default_factory=Connection)
    policy: Scopes = Field(default_factory=Scopes)
    operations: dict[str, PolicyFields] = {}
    sets: dict[str, Scopes] = {}
    retry: Retry = Field(default_factory=Retry)
    adaptive_timeout: Adaptive | None = None
    breaker: Breaker = Field(default_factory=Breaker)
    backpressure: Backpressure = Field(default_factory=Backpressure)
    telemetry: TelemetrySection = Field(default_factory=TelemetrySection)
    lint: Lint = Field(default_factory=Lint)


class PolicyFile(Settings):
    """A whole policy file."""

    version: Literal[1]
    description: str = ""
    extends: str | None = None


def known_keys(path: tuple[Any, ...], root: type[BaseModel]) -> list[str]:
    """Return the keys that are right at a place in a file, for suggestions."""
    model: Any = root
    for step in path:
        field = (
            next((f for n, f in model.model_fields.items() if step in (n, f.alias)), None)
            if isinstance(model, type) and issubclass(model, BaseModel)
            else None
        )
        annotation = field.annotation if field is not None else model
        model = _inner(annotation)
        if model is None:
            return []
    if isinstance(model, type) and issubclass(model, BaseModel):
        return [field.alias or name for name, field in model.model_fields.items()]
    return []


def _inner(annotation: Any) -> Any:
    """Return the model inside ``Model | None`` or ``dict[str, Model]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
    return None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy file, as editors take it."""
    found = PolicyFile.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "aerospike-resilience policy file",
        **{key: value for key, value in found.items() if key != "title"},
    }
