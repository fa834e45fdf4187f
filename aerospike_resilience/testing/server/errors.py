"""The result codes of the wire protocol, and the exception that carries one."""

from __future__ import annotations

from typing import Final

OK: Final = 0
ERR_UNKNOWN: Final = 1
ERR_NOT_FOUND: Final = 2
ERR_GENERATION: Final = 3
ERR_PARAMETER: Final = 4
ERR_RECORD_EXISTS: Final = 5
ERR_BIN_EXISTS: Final = 6
ERR_CLUSTER_KEY_MISMATCH: Final = 7
ERR_OUT_OF_SPACE: Final = 8
ERR_TIMEOUT: Final = 9
ERR_ALWAYS_FORBIDDEN: Final = 10
ERR_UNAVAILABLE: Final = 11
ERR_INCOMPATIBLE_TYPE: Final = 12
ERR_RECORD_TOO_BIG: Final = 13
ERR_KEY_BUSY: Final = 14
ERR_SCAN_ABORT: Final = 15
ERR_UNSUPPORTED_FEATURE: Final = 16
ERR_BIN_NOT_FOUND: Final = 17
ERR_DEVICE_OVERLOAD: Final = 18
ERR_KEY_MISMATCH: Final = 19
ERR_NAMESPACE: Final = 20
ERR_BIN_NAME: Final = 21
ERR_FORBIDDEN: Final = 22
ERR_ELEMENT_NOT_FOUND: Final = 23
ERR_ELEMENT_EXISTS: Final = 24
ERR_ENTERPRISE_ONLY: Final = 25
ERR_OP_NOT_APPLICABLE: Final = 26
ERR_FILTERED_OUT: Final = 27
ERR_LOST_CONFLICT: Final = 28
ERR_QUERY_END: Final = 50
ERR_SECURITY_NOT_SUPPORTED: Final = 51
ERR_SECURITY_NOT_ENABLED: Final = 52
ERR_INVALID_COMMAND: Final = 54
ERR_INVALID_USER: Final = 60
ERR_USER_EXISTS: Final = 61
ERR_INVALID_PASSWORD: Final = 62
ERR_EXPIRED_PASSWORD: Final = 63
ERR_INVALID_CREDENTIAL: Final = 65
ERR_EXPIRED_SESSION: Final = 66
ERR_INVALID_ROLE: Final = 70
ERR_NOT_AUTHENTICATED: Final = 80
ERR_ROLE_VIOLATION: Final = 81
ERR_UDF_EXECUTION: Final = 100
ERR_BATCH_DISABLED: Final = 150
ERR_BATCH_MAX_REQUESTS: Final = 151
ERR_GEO_INVALID: Final = 160
ERR_SINDEX_FOUND: Final = 200
ERR_SINDEX_NOT_FOUND: Final = 201
ERR_SINDEX_OOM: Final = 202
ERR_SINDEX_NOT_READABLE: Final = 203


class OpError(Exception):
    """An operation failed with a result code that goes back to the client.

    Attributes:
        code: The result code.
    """

    __slots__ = ("code",)

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(code, text)
        self.code = code
