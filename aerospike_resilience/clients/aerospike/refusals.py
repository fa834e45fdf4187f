"""This library's errors as the C client's errors. Imported when the first client is wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from aerospike import exception

from ...errors import (
    BackpressureError,
    CircuitOpenError,
    DeadlineExceededError,
    RefusedError,
)
from ..contract import Refusals
from ..shared.result_codes import ServerCode
from .failures import CLIENT_ERROR, MAX_ERROR_RATE

if TYPE_CHECKING:
    # The extension's classes carry no types.
    class _RateError(Exception): ...

    class _ClientError(Exception): ...

    class _TimeoutError(Exception): ...
else:
    _RateError = exception.MaxErrorRateExceeded
    _ClientError = exception.ClientError
    _TimeoutError = exception.TimeoutError


class _CodedError(RefusedError):
    """A refusal with the attributes that the client's errors have, on the instance, and their `args`.

    Those are ``(code, text, file, line, in doubt)``.
    """

    CODE: int
    msg: str

    def _describe(self, message: str, facts: dict[str, Any]) -> None:
        self.args = (self.CODE, message, None, None, False)
        own = self.__dict__
        own.update(facts)
        own["code"], own["msg"], own["file"], own["line"] = self.CODE, message, None, None

    @property
    def in_doubt(self) -> bool:
        """Whether an earlier attempt of the same operation may have been applied."""
        return bool(self.args[-1])

    @in_doubt.setter
    def in_doubt(self, value: bool) -> None:
        self.args = (*self.args[:-1], value)

    def __str__(self) -> str:
        return self.msg


class AerospikeCircuitOpenError(_CodedError, CircuitOpenError, _RateError):
    """`CircuitOpenError` as ``aerospike.exception.MaxErrorRateExceeded``."""

    CODE = MAX_ERROR_RATE


class AerospikeBackpressureError(_CodedError, BackpressureError, _ClientError):
    """`BackpressureError` as ``aerospike.exception.ClientError``: the client has no class for this."""

    CODE = CLIENT_ERROR


class AerospikeDeadlineExceededError(_CodedError, DeadlineExceededError, _TimeoutError):
    """`DeadlineExceededError` as ``aerospike.exception.TimeoutError``."""

    CODE = ServerCode.TIMEOUT.value


REFUSALS: Final = Refusals(
    AerospikeCircuitOpenError, AerospikeBackpressureError, AerospikeDeadlineExceededError
)
