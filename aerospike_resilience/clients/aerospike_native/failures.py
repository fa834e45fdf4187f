"""What the errors of ``aerospike-native`` mean.

Codes, node and tries are attributes of the instance. The client's own ``in_doubt`` is too careful: an error
that the server itself answered, such as an overload, is wrapped in one that says "in doubt" although
nothing was applied.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ...model.failure import Failure, FailureKind
from ...model.operation import Operation, Shape
from ..shared.addresses import address_in
from ..shared.result_codes import NEVER_APPLIED, ServerCode, failure_of_kind, kind_of_code

_NAME: Final = re.compile(r"^([^\s:]+): ")
_BREAKER: Final = "Max error rate exceeded"
_CAUSE: Final = "caused by:"
_SERVER_ANSWERED: Final = re.compile(r"caused by: Error \d+(, In Doubt: true)?, node=")

_NO_RESPONSE: Final = -15
"""A batch row without an answer."""

CLIENT_CODES: Final[Mapping[int, FailureKind]] = {
    _NO_RESPONSE: FailureKind.TIMEOUT,
    -12: FailureKind.NATIVE_BREAKER,
    -11: FailureKind.TIMEOUT,  # MAX_RETRIES_EXCEEDED: the last try's socket timeout
    -8: FailureKind.CONNECTION,  # SERVER_NOT_AVAILABLE
    -7: FailureKind.POOL_EXHAUSTED,
    -3: FailureKind.UNAVAILABLE,  # INVALID_NODE_ERROR
}
"""What the client's own codes mean; those that are not listed are `FailureKind.OTHER`."""

_CONNECTION_CLASSES: Final = frozenset({"ConnectionError", "IoError", "RecvError"})


def classify(error: BaseException, operation: Operation) -> Failure:
    """Return what an error of the client means for an operation."""
    code = result_code(error)
    if code is None:
        return Failure(FailureKind.CALLER)  # TypeError and the like: the arguments
    kind = _kind(code, str(error), type(error).__name__)
    iteration = getattr(error, "iteration", None)
    node = getattr(error, "node", None) or ""
    name = _NAME.match(node)
    return failure_of_kind(
        kind,
        code,
        reads=not operation.writes,
        in_doubt=operation.writes and _in_doubt(error, kind, operation),
        address=address_in(node),
        node=name.group(1) if name else None,
        tries=_tries(iteration, str(error)),
        soft=kind is FailureKind.TIMEOUT and iteration == 0,
    )


def _tries(iteration: object, text: str) -> int | None:
    """Return how many tries were sent. The client counts those too that its breaker refused.

    The text has every try's error: the last as its cause, those before it as sub-errors.
    """
    if not isinstance(iteration, int):
        return None
    return max(iteration - text.count(_BREAKER), 0)


def classify_row(row: Any) -> Failure:
    """Return what a failed batch row means."""
    code = result_code(row)
    if code is None:
        return failure_of_kind(FailureKind.TIMEOUT, _NO_RESPONSE)
    kind = _kind(code, "", "")
    return failure_of_kind(kind, code, in_doubt=bool(row.in_doubt) and kind not in NEVER_APPLIED)


def result_code(error_or_row: Any) -> int | None:
    """Return the result code of an error or a batch row; None if it has none."""
    try:
        return int(getattr(error_or_row, "result_code", None))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _in_doubt(error: BaseException, kind: FailureKind, operation: Operation) -> bool:
    if operation.shape is Shape.BATCH:
        return True  # the error is one node's; the others may have applied what they were sent
    if kind is FailureKind.SERVER_TIMEOUT:
        return True  # its master may have applied it, and then waited for its replica in vain
    return bool(getattr(error, "in_doubt", False)) and kind not in NEVER_APPLIED


def _kind(code: int, text: str, class_name: str) -> FailureKind:
    # The last cause is the last try's; the errors of earlier tries stand before it.
    if _BREAKER in text.rpartition(_CAUSE)[2]:
        return FailureKind.NATIVE_BREAKER
    if code == ServerCode.TIMEOUT and _SERVER_ANSWERED.search(text):
        return FailureKind.SERVER_TIMEOUT
    if class_name in _CONNECTION_CLASSES:
        return FailureKind.CONNECTION
    if code == ServerCode.TIMEOUT:
        return FailureKind.TIMEOUT  # the client gave up, and says so with the server's code
    return kind_of_code(code) if code > 0 else CLIENT_CODES.get(code, FailureKind.OTHER)
