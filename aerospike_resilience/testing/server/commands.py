"""Single-record commands: the result of a request on a record, and the order of the checks.

Everything here is a function of the request and the record. Nothing is stored or sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from . import operate, values
from .errors import (
    ERR_BIN_NAME,
    ERR_ENTERPRISE_ONLY,
    ERR_FILTERED_OUT,
    ERR_FORBIDDEN,
    ERR_GENERATION,
    ERR_KEY_MISMATCH,
    ERR_NOT_FOUND,
    ERR_PARAMETER,
    ERR_RECORD_EXISTS,
    ERR_RECORD_TOO_BIG,
    OK,
    OpError,
)
from .records import Clock, Record
from .view import RecordView
from .wire import (
    FIELD_DIGEST,
    FIELD_FILTER,
    FIELD_KEY,
    FIELD_SET,
    FIELD_TRANSACTION,
    FIELD_UDF_PACKAGE,
    INFO1_ALL_BINS,
    INFO1_NO_BINS,
    INFO1_READ,
    INFO2_CREATE_ONLY,
    INFO2_DELETE,
    INFO2_DURABLE_DELETE,
    INFO2_GENERATION,
    INFO2_GENERATION_GT,
    INFO2_RESPOND_ALL_OPS,
    INFO3_CREATE_OR_REPLACE,
    INFO3_REPLACE_ONLY,
    INFO3_UPDATE_ONLY,
    OP_READ,
    TTL_KEEP,
    TTL_NEVER,
    Bin,
    Request,
)

MAX_TTL_S: Final = 10 * 365 * 24 * 3600
MAX_SET_NAME: Final = 63
MAX_BINS: Final = 32_767
_ALL_PERCENT: Final = 100
_CARRIES_GENERATION: Final = frozenset((3, 4, 5, 12, 19, 21, 24, 26, 27, 100))


class Rules(NamedTuple):
    """What a namespace allows.

    Attributes:
        default_ttl_s: Seconds a record lives if the request does not say; 0 is forever.
        max_record_size: Bytes a record may take.
        expiry: Whether records may expire at all.
        tombstones: Whether deletes may be durable, which Community Edition cannot do.
        durable: Whether deletes must be durable, as in a strongly consistent namespace.
    """

    default_ttl_s: int = 0
    max_record_size: int = 1024 * 1024
    expiry: bool = True
    tombstones: bool = False
    durable: bool = False


class View:
    """A record, and bins that may be newer, as expressions read them."""

    __slots__ = (
        *("bins", "digest", "generation", "key", "last_update_ms"),
        *("now_ms", "set_name", "size", "void_time"),
    )

    def __init__(
        self, record: Record | None, bins: dict[bytes, Bin], digest: bytes, clock: Clock
    ) -> None:
        self.bins = bins
        self.digest = digest
        self.now_ms = clock.now_ms()
        self.set_name = record.set_name if record else b""
        self.key = record.key if record else None
        self.generation = record.generation if record else 0
        self.void_time = record.void_time if record else 0
        self.last_update_ms = record.last_update_ms if record else self.now_ms
        self.size = record.size if record else 0


@dataclass(slots=True)
class Outcome:
    """The result of a write on a record.

    Attributes:
        code: The result code.
        record: The changed record; None if it is removed.
        changed: Whether there is anything to store.
        generation: For the answer.
        void_time: For the answer.
        ops: The answer's ops.
        op_count: Their number.
    """

    code: int
    record: Record | None = None
    changed: bool = False
    generation: int = 0
    void_time: int = 0
    ops: bytes = b""
    op_count: int = 0


class Functions(Protocol):
    """What runs UDFs."""

    def apply(self, request: Request, record: Record | None, clock: Clock, rules: Rules) -> Outcome:
        """Apply a function to a record."""
        ...


def read(request: Request, record: Record | None, clock: Clock) -> Outcome:
    """Answer a read of one record."""
    info1 = request.info1
    if record is None:
        return Outcome(ERR_NOT_FOUND)
    if not request.ops and not info1 & (INFO1_ALL_BINS | INFO1_NO_BINS):
        return failed(ERR_PARAMETER, record)
    fields = request.fields
    try:
        if len(fields) > 3:
            _check_identity(request, record)
            _check_filter(request, record, clock)
        elif fields.get(FIELD_SET, b"") != record.set_name and FIELD_SET in fields:
            return Outcome(ERR_PARAMETER)
        if info1 & INFO1_NO_BINS:
            return Outcome(OK, generation=record.generation, void_time=record.void_time)
        if info1 & INFO1_ALL_BINS:
            image, count = record.image, record.bin_count
        else:
            image, count = operate.read(
                record,
                request.ops,
                lambda bins: View(record, bins, record.digest, clock),
                all_bins=False,
                respond_all=bool(request.info2 & INFO2_RESPOND_ALL_OPS),
            )
    except OpError as error:
        return failed(error.code, record)
    return Outcome(
        OK,
        generation=record.generation,
        void_time=record.void_time,
        ops=image,
        op_count=count,
    )


def touched(request: Request, record: Record, clock: Clock) -> Record | None:
    """Return a record that a read gives its time to live again, None if it does not.

    A read may say, where a write says how long the record lives, in which last part of that time, in
    percent, it does so. The generation stays.
    """
    percent = request.ttl
    if not 0 < percent <= _ALL_PERCENT or not record.void_time:
        return None
    ttl_s = record.void_time - record.last_update_ms // 1000
    left_s = record.void_time - clock.now_s()
    if left_s * _ALL_PERCENT > ttl_s * percent:
        return None
    return Record(
        *(record.digest, record.set_name, record.key, record.bins, record.generation),
        *(clock.now_s() + ttl_s, clock.now_us()),
    )


def write(
    request: Request,
    record: Record | None,
    clock: Clock,
    rules: Rules,
    functions: Functions | None = None,
) -> Outcome:
    """Carry out a write of one record; `functions` are the UDFs there are."""
    if FIELD_TRANSACTION in request.fields:
        return Outcome(ERR_ENTERPRISE_ONLY)
    if len(request.fields.get(FIELD_SET, b"")) > MAX_SET_NAME:
        return Outcome(ERR_PARAMETER)
    plain = not request.info2 & INFO2_DELETE and FIELD_UDF_PACKAGE not in request.fields
    if plain and not _flags_fit(request):
        return Outcome(ERR_PARAMETER)
    if any(len(op[2]) > operate.MAX_BIN_NAME for op in request.ops):
        return Outcome(ERR_BIN_NAME)
    try:
        if request.info2 & INFO2_DELETE:
            return _delete(request, record, clock, rules)
        if FIELD_UDF_PACKAGE in request.fields and functions is not None:
            if record is not None:
                _check_filter(request, record, clock)
            return functions.apply(request, record, clock, rules)
        return _write(request, record, clock, rules)
    except OpError as error:
        return failed(error.code, record)


def _write(request: Request, record: Record | None, clock: Clock, rules: Rules) -> Outcome:
    info2, info3 = request.info2, request.info3
    until_s = void_time(request.ttl, record, clock, rules)
    if record is None:
        if info3 & (INFO3_UPDATE_ONLY | INFO3_REPLACE_ONLY):
            raise OpError(ERR_NOT_FOUND)
        if info2 & INFO2_GENERATION and request.generation:
            raise OpError(ERR_GENERATION)
    else:
        if info2 & INFO2_CREATE_ONLY:
            raise OpError(ERR_RECORD_EXISTS)
        _check_generation(request, record)
        _check_identity(request, record)
        _check_filter(request, record, clock)
    digest = request.fields[FIELD_DIGEST]
    replace = info3 & (INFO3_CREATE_OR_REPLACE | INFO3_REPLACE_ONLY)
    bins = {} if record is None or replace else record.bins
    ops, count = operate.write(
        bins,
        request.ops,
        lambda bins: View(record, bins, digest, clock),
        all_bins=bool(request.info1 & INFO1_ALL_BINS),
        respond_all=bool(info2 & INFO2_RESPOND_ALL_OPS),
    )
    if not bins:
        if record is None:
            raise OpError(ERR_NOT_FOUND)
        if rules.durable:
            check_durability(request, rules)
        return Outcome(OK, changed=True, ops=ops, op_count=count)
    stored = Record(
        digest,
        request.set_name if record is None else record.set_name,
        request.fields.get(FIELD_KEY) or (record.key if record else None),
        bins,
        record.generation % 0xFFFF + 1 if record else 1,
        until_s,
        clock.now_us(),
    )
    if len(bins) > MAX_BINS:
        raise OpError(ERR_PARAMETER)
    if stored.size > rules.max_record_size:
        raise OpError(ERR_RECORD_TOO_BIG)
    return Outcome(
        OK,
        stored,
        changed=True,
        generation=stored.generation,
        void_time=until_s,
        ops=ops,
        op_count=count,
    )


def check_durability(request: Request, rules: Rules) -> None:
    """Check that a delete leaves a tombstone where it must, and does not where it cannot.

    Raises:
        OpError: It does not (22), or there are no tombstones (25).
    """
    durable = request.info2 & INFO2_DURABLE_DELETE
    if durable and not rules.tombstones:
        raise OpError(ERR_ENTERPRISE_ONLY)
    if rules.durable and not durable:
        raise OpError(ERR_FORBIDDEN)


def _delete(request: Request, record: Record | None, clock: Clock, rules: Rules) -> Outcome:
    check_durability(request, rules)
    if record is None:
        raise OpError(ERR_NOT_FOUND)
    try:
        _check_generation(request, record)
        _check_identity(request, record)
        _check_filter(request, record, clock)
    except OpError as error:
        return Outcome(error.code)
    return Outcome(OK, changed=True)


def _flags_fit(request: Request) -> bool:
    if not request.ops:
        return False
    if request.info1 & INFO1_ALL_BINS and request.info2 & INFO2_RESPOND_ALL_OPS:
        return False
    return bool(request.info1 & INFO1_READ) or all(op[0] != OP_READ for op in request.ops)


def _check_generation(request: Request, record: Record) -> None:
    if request.info2 & INFO2_GENERATION and request.generation != record.generation:
        raise OpError(ERR_GENERATION)
    if request.info2 & INFO2_GENERATION_GT and request.generation <= record.generation:
        raise OpError(ERR_GENERATION)


def _check_identity(request: Request, record: Record) -> None:
    if FIELD_SET in request.fields and request.set_name != record.set_name:
        raise OpError(ERR_PARAMETER)
    key = request.fields.get(FIELD_KEY)
    if key and record.key and key != record.key:
        raise OpError(ERR_KEY_MISMATCH)


def _check_filter(request: Request, record: Record, clock: Clock) -> None:
    raw = request.fields.get(FIELD_FILTER)
    if raw is not None and not matches(raw, View(record, record.bins, record.digest, clock)):
        raise OpError(ERR_FILTERED_OUT)


def matches(expression: bytes, view: RecordView) -> bool:
    """Tell whether a filter expression lets a record pass."""
    return values.matches(expression, view)


def void_time(ttl: int, record: Record | None, clock: Clock, rules: Rules) -> int:
    """Return when a record expires that is written now; 0 is never."""
    if ttl == TTL_NEVER:
        return 0
    if ttl == TTL_KEEP and record is not None:
        return record.void_time
    if ttl in (0, TTL_KEEP):
        return clock.now_s() + rules.default_ttl_s if rules.default_ttl_s else 0
    if ttl > MAX_TTL_S:
        raise OpError(ERR_PARAMETER)
    if not rules.expiry:
        raise OpError(ERR_FORBIDDEN)
    return clock.now_s() + ttl


def failed(code: int, record: Record | None) -> Outcome:
    """Return a failure, with the generation where the server tells it."""
    if record is None or code not in _CARRIES_GENERATION:
        return Outcome(code)
    return Outcome(code, generation=record.generation, void_time=record.void_time)
