"""Policies to and from the dynamic configuration file of the C client (``AEROSPIKE_CLIENT_CONFIG_URL``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..model.durations import s_to_whole_ms
from ..model.operation import Kind, Operation, Shape
from .interchange import (
    Case,
    Exported,
    Fields,
    Imported,
    Left,
    Word,
    inside,
    left_of_policy,
    left_of_sections,
    lower,
    sent_key,
    settings,
    strange,
    upper,
    words,
)
from .profile import Profile

VERSION: Final = "1.0.0"


def _concurrent(value: Any) -> Any:
    return value != 1 if isinstance(value, int) else value


_REPLICA: Final = Word("replica", "replica", upper, lower)
_BASE: Final = (
    *words("connect_timeout socket_timeout total_timeout timeout_delay max_retries"),
    *words("sleep_between_retries"),
    _REPLICA,
)
_MODES: Final = tuple(Word(name, name, upper, lower) for name in ("read_mode_ap", "read_mode_sc"))
_ROWS: Final = (
    Word(
        "send_key",
        "key",
        lambda value: value == "send",
        sent_key,
    ),
    Word("durable_delete", "durable_delete"),
)
_BATCH: Final = (
    Word(
        "max_concurrent_threads",
        "concurrent",
        lambda value: 0 if value else 1,
        _concurrent,
    ),
    *words("allow_inline allow_inline_ssd respond_all_keys"),
)
_QUERY: Final = (
    Word("info_timeout", "info_timeout"),
    Word("expected_duration", "expected_duration", upper, lower),
)


class _Part(NamedTuple):
    """The keys of one kind in the file, and the operations that they apply to."""

    kind: str
    words: tuple[Word, ...]
    does: Kind
    shape: Shape
    names: tuple[str, ...]
    family: str = ""

    def operations(self) -> tuple[Operation, ...]:
        return tuple(Operation(name, self.does, self.shape, self.family) for name in self.names)


_WRITES: Final = (
    *("put", "remove", "remove_bin", "touch", "append", "prepend", "increment", "operate"),
    *("operate_ordered", "apply"),
)
_BATCH_WRITES: Final = ("batch_write", "batch_operate", "batch_remove", "batch_apply")

_PARTS: Final = (
    _Part("read", (*_BASE, *_MODES), Kind.READ, Shape.POINT, ("get", "exists", "select")),
    _Part("write", (*_BASE, *_ROWS), Kind.WRITE, Shape.POINT, _WRITES),
    _Part("query", (*_BASE, *_QUERY), Kind.READ, Shape.QUERY, ("query",)),
    _Part("scan", _BASE, Kind.READ, Shape.QUERY, ("scan",)),
    _Part("batch_read", (*_BASE, *_MODES, *_BATCH), Kind.READ, Shape.BATCH, ("batch_read",)),
    _Part("batch_write", (*_BASE, *_BATCH), Kind.WRITE, Shape.BATCH, _BATCH_WRITES),
    _Part("batch_write", _ROWS, Kind.WRITE, Shape.BATCH, ("batch_write", "batch_operate")),
    _Part("batch_delete", _ROWS, Kind.WRITE, Shape.BATCH, ("batch_remove",)),
    _Part("batch_udf", _ROWS, Kind.WRITE, Shape.BATCH, ("batch_apply",)),
    _Part(
        *("txn_verify", (*_BASE, *_MODES, *_BATCH), Kind.TXN, Shape.CLUSTER, ("commit",)),
        "txn_verify",
    ),
    _Part(*("txn_roll", (*_BASE, *_BATCH), Kind.TXN, Shape.CLUSTER, ("commit",)), "txn_roll"),
)

_JOB: Final = Operation("query_background", Kind.WRITE, Shape.QUERY)
"""A background job, to which the file's values for writes apply."""

_ELSEWHERE: Final = (
    Operation("info_all", Kind.INFO, Shape.CLUSTER),
    Operation("truncate", Kind.ADMIN, Shape.CLUSTER),
)
"""Operations that the file has no kind for."""

_STATIC: Final = (
    Word("max_connections_per_node", "max_conns_per_node"),
    Word("min_connections_per_node", "min_conns_per_node"),
)
_DYNAMIC: Final = (
    Word("timeout", "connect_timeout"),
    Word("use_service_alternative", "use_services_alternate"),
    *words("login_timeout max_error_rate error_rate_window tend_interval max_socket_idle"),
    *words("fail_if_not_connected rack_aware rack_ids app_id"),
)
_OWN: Final = {
    "async_max_connections_per_node": "is for asynchronous clients, and this one has none",
    "async_min_connections_per_node": "is for asynchronous clients, and this one has none",
    "config_interval": "policy files are looked at once a tend (connection.tend_interval)",
}


def export(profile: Profile) -> Exported:
    """Return a profile as the C client's dynamic configuration."""
    dynamic: dict[str, Any] = {}
    for part in _PARTS:
        for word in part.words:
            value = _common(profile, part, word.ours)
            if value is not None:
                dynamic.setdefault(part.kind, {})[word.theirs] = word.export(value)
    connection = {
        path[1]: value
        for path, value in profile.leaves().items()
        if path[0] == "connection" and value is not None
    }
    static, more, left = _export_connection(profile, connection)
    if more:
        dynamic = {"client": more, **dynamic}
    data: dict[str, Any] = {"version": VERSION}
    if static:
        data["static"] = {"client": static}
    if dynamic:
        data["dynamic"] = dynamic
    said = left_of_policy(profile, _cases(profile, dynamic), _why)
    return Exported(data, (*left, *said, *left_of_sections(profile)))


def take(data: Mapping[str, Any], name: str) -> Imported:
    """Return the C client's dynamic configuration as a policy file.

    Args:
        data: the file's contents.
        name: the profile's name.
    """
    left = list(strange(data, ("version", "static", "dynamic"), ""))
    connection: dict[str, Any] = {}
    static, dynamic = inside(data, "static", "", left), inside(data, "dynamic", "", left)
    left += strange(static, ("client",), "static")
    left += strange(dynamic, ("client", "metrics", *(part.kind for part in _PARTS)), "dynamic")
    for place, outer, settable in (("static", static, _STATIC), ("dynamic", dynamic, _DYNAMIC)):
        known = {word.theirs: word for word in settable}
        for key, value in inside(outer, "client", place, left).items():
            if key in known:
                connection[known[key].ours] = value
            else:
                why = _OWN.get(key, "a policy file has nothing like it")
                left.append(Left(f"{place}.client.{key}", why))
    if "metrics" in dynamic:
        left.append(Left("dynamic.metrics", "metrics go to OpenTelemetry here; see `telemetry`"))
    kinds = _take_kinds(dynamic, left)
    file: dict[str, Any] = {"version": 1}
    if connection:
        file["connection"] = connection
    policy, operations = _arrange(kinds)
    if policy:
        file["policy"] = policy
    if operations:
        file["operations"] = operations
    return Imported({name: file}, tuple(left))


def _common(profile: Profile, part: _Part, field: str) -> Any:
    """Return the value that all operations of a part have, else that of one without own settings.

    For writes return the value for those that are not idempotent: it is safe for all of them.
    """
    plain = Operation("", part.does, part.shape, part.family)
    cases: list[Case] = [(operation, False, False) for operation in part.operations()]
    values = [_value(profile, case, field) for case in cases]
    same = all(value == values[0] for value in values)
    return values[0] if same else _value(profile, (plain, False, False), field)


def _value(profile: Profile, case: Case, field: str) -> Any:
    found = settings(profile, case)
    return found[field].value if field in found else None


def _cases(profile: Profile, dynamic: Mapping[str, Any]) -> Iterator[tuple[Case, Fields]]:
    """Yield every case that operations may be in, with the file's values there, under our names."""
    said: dict[tuple[str, str], dict[str, Any]] = {}
    known: dict[tuple[str, str], Operation] = {}
    for part in _PARTS:
        fields = dynamic.get(part.kind, {})
        ours = {w.ours: w.take(fields[w.theirs]) for w in part.words if w.theirs in fields}
        for operation in part.operations():
            index = (operation.name, operation.family)
            known[index] = operation
            said.setdefault(index, {}).update(ours)
    others = {*profile.operation_names()} - {name for name, _family in known}
    for name in others:
        known[name, ""] = Operation(name, Kind.INFO, Shape.CLUSTER)
    for operation in (_JOB, *_ELSEWHERE):
        known[operation.name, ""] = operation
    said[_JOB.name, ""] = said.get(("put", ""), {})
    for index, operation in known.items():
        for retryable in (False, True) if operation.kind is Kind.WRITE else (False,):
            for strong in (False, True) if operation.kind in (Kind.READ, Kind.WRITE) else (False,):
                yield (operation, retryable, strong), said.get(index, {})


def _why(case: Case, field: str) -> str:
    operation, retryable, strong = case
    if operation == _JOB:
        return "that file's values for writes apply to background jobs"
    part = next((one for one in _PARTS if operation.name in one.names), None)
    kinds = {one.kind for one in _PARTS if operation.name in one.names}
    if part is None:
        return f"that file format has no policies for {operation.name}"
    if not any(w.ours == field for one in _PARTS if one.kind in kinds for w in one.words):
        return f"that file format has no {field} for {part.kind}"
    if strong:
        return "that file does not tell strongly consistent namespaces from others"
    if retryable and operation.kind is Kind.WRITE:
        return (
            f"that file has one {field} for all of {part.kind}; it got the one for writes that must not "
            "be sent again"
        )
    return f"that file has one {field} for all operations of {part.kind}"


def _export_connection(
    profile: Profile, given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], list[Left]]:
    resolved = profile.connection.model_dump(by_alias=True)
    static = {w.theirs: resolved[w.ours] for w in _STATIC if w.ours in given}
    dynamic = {w.theirs: resolved[w.ours] for w in _DYNAMIC if w.ours in given}
    left = []
    if "tend_interval" in dynamic:
        dynamic["tend_interval"] = s_to_whole_ms(dynamic["tend_interval"])
    if "max_socket_idle" in dynamic:
        idle_s = dynamic["max_socket_idle"]
        dynamic["max_socket_idle"] = int(idle_s)
        if idle_s != int(idle_s):
            left.append(Left("connection.max_socket_idle", "that file has whole seconds"))
    known = {word.ours for word in (*_STATIC, *_DYNAMIC)}
    left += [
        Left(f"connection.{key}", "that file format has no such setting")
        for key in given
        if key not in known
    ]
    return static, dynamic, left


def _take_kinds(dynamic: Mapping[str, Any], left: list[Left]) -> dict[str, dict[str, Any]]:
    """Return the fields of each kind under our names; append fields without one to `left`."""
    kinds: dict[str, dict[str, Any]] = {}
    for kind in dict.fromkeys(part.kind for part in _PARTS):
        known = {w.theirs: w for part in _PARTS if part.kind == kind for w in part.words}
        given = inside(dynamic, kind, "dynamic", left)
        left += strange(given, known, f"dynamic.{kind}")
        kinds[kind] = {
            known[key].ours: known[key].take(given[key]) for key in given if key in known
        }
        threads = given.get("max_concurrent_threads", 0)
        if threads not in (0, 1):
            key = f"dynamic.{kind}.max_concurrent_threads"
            left.append(Left(key, f"{threads} threads become concurrent: true, without a number"))
    return kinds


def _arrange(
    kinds: Mapping[str, dict[str, Any]],
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """Return scopes, and operations only where the operations of a scope differ."""
    rows = {word.ours for word in _ROWS}
    policy = {
        "reads_point": kinds.get("read", {}),
        "writes_point": kinds.get("write", {}),
        "reads_batch": kinds.get("batch_read", {}),
        "system_txn_verify": kinds.get("txn_verify", {}),
        "system_txn_roll": kinds.get("txn_roll", {}),
    }
    operations: dict[str, dict[str, Any]] = {}
    query, scan = kinds.get("query", {}), kinds.get("scan", {})
    if query == scan:
        policy["reads_query"] = query
    else:
        operations |= {"query": query, "scan": scan}
    parent = kinds.get("batch_write", {})
    policy["writes_batch"] = {key: value for key, value in parent.items() if key not in rows}
    by_name = {
        **dict.fromkeys(("batch_write", "batch_operate"), parent),
        "batch_remove": kinds.get("batch_delete", {}),
        "batch_apply": kinds.get("batch_udf", {}),
    }
    only_rows = {
        name: {key: value for key, value in fields.items() if key in rows}
        for name, fields in by_name.items()
    }
    if all(fields == only_rows["batch_write"] for fields in only_rows.values()):
        policy["writes_batch"] |= only_rows["batch_write"]
    else:
        operations |= only_rows
    return (
        {scope: fields for scope, fields in policy.items() if fields},
        {name: fields for name, fields in operations.items() if fields},
    )
