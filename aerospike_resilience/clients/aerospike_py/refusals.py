"""This library's errors as the errors of ``aerospike-py``. Imported when the first client is wrapped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aerospike_py import exception

from ...errors import BackpressureError, CircuitOpenError, DeadlineExceededError
from ..contract import Refusals

if TYPE_CHECKING:
    # The extension's classes carry no types.
    class _ClusterError(Exception): ...

    class _BackpressureError(Exception): ...

    class _TimeoutError(Exception): ...
else:
    _ClusterError = exception.ClusterError
    _BackpressureError = exception.BackpressureError
    _TimeoutError = exception.AerospikeTimeoutError


class AerospikePyCircuitOpenError(CircuitOpenError, _ClusterError):
    """`CircuitOpenError` as ``aerospike_py.ClusterError``, which its own tripped breaker raises."""


class AerospikePyBackpressureError(BackpressureError, _BackpressureError):
    """`BackpressureError` as ``aerospike_py.BackpressureError``."""


class AerospikePyDeadlineExceededError(DeadlineExceededError, _TimeoutError):
    """`DeadlineExceededError` as ``aerospike_py.AerospikeTimeoutError``."""


REFUSALS: Final = Refusals(
    AerospikePyCircuitOpenError, AerospikePyBackpressureError, AerospikePyDeadlineExceededError
)
