"""What the refusals of ``aerospike-native`` and of the SDK above it have in common."""

from __future__ import annotations

from typing import Any

from ...errors import RefusedError
from .package import native


class CodedError(RefusedError):
    """A refusal with the result code that the client's errors have.

    It is the class's and not the instance's, as no pickle can carry the client's result codes.

    Attributes:
        CODE: the name of that code in the package's ``ResultCode``.
        result_code: the code itself.
    """

    CODE: str
    result_code: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "CODE" in vars(cls):
            cls.result_code = getattr(native().ResultCode, cls.CODE)
