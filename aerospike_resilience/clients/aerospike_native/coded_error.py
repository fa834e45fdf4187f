"""What the refusals of ``aerospike-native`` and of the SDK above it have in common."""

from __future__ import annotations

from typing import Any

from ...errors import RefusedError
from .package import native


class CodedError(RefusedError):
    """A refusal with the result code that the client's errors have.

    Attributes:
        CODE: the name of that code in the package's ``ResultCode``.
    """

    CODE: str

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.result_code = getattr(native().ResultCode, self.CODE)
