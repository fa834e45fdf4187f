"""Secrets: a value that is in no representation, no pickle and no comparison."""

from __future__ import annotations

from typing import Any, Final, NoReturn

HIDDEN: Final = "(secret)"
"""What stands for a secret in every text."""


class Secret:
    """A password, which only `reveal` returns.

    Args:
        value: the password.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the password. Pass it on in the same expression: tools show the locals of a traceback."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: Any) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a password is not pickled; give password_file=, or an environment variable, and each process "
            "reads it itself"
        )


class SecretFile:
    """A file that holds a password, such as a mounted Kubernetes secret. It is read at every connect.

    Args:
        path: the file.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def read(self) -> Secret:
        """Return the file's text, without the line break at its end.

        Raises:
            ValueError: it cannot be read, or is empty.
        """
        try:
            with open(self.path, encoding="utf-8") as file:  # noqa: PTH123 - the text goes nowhere else
                found = Secret(file.read().rstrip("\r\n"))
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            raise ValueError(f"password_file={self.path!r} cannot be read: {why}") from None
        if not found:
            raise ValueError(f"password_file={self.path!r} is empty")
        return found

    def __repr__(self) -> str:
        return f"(secret in {self.path})"
