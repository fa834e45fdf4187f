"""Stand-ins: objects that behave like one of the client's, except for some methods of this library.

An attribute is set where it is read from. A method of this library is replaced and restored on the
stand-in; everything else is set and deleted on the client's own object.
"""

from __future__ import annotations

from typing import Any, Final

ORIGINAL: Final = "(original)"
"""The key of the client's object in a stand-in's ``__dict__``; it can be no attribute's name."""

METHODS: Final = "(methods)"
"""The key of its own methods by name, also of those that were replaced since."""


class StandIn:
    """An object that stands in for one of the client's.

    Args:
        original: the client's object.
    """

    def __init__(self, original: Any) -> None:
        own = self.__dict__
        own[ORIGINAL] = original
        own[METHODS] = {}

    @property  # type: ignore[misc]  # what isinstance() asks; read-only on purpose
    def __class__(self) -> type:
        return type(self.__dict__[ORIGINAL])

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__[ORIGINAL], name)

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if name in own:
            own[name] = value
            return
        try:
            setattr(own[ORIGINAL], name, value)
        except AttributeError:
            # Objects of compiled classes take no attributes. A method may be replaced here all the same,
            # as a test does with `mock.patch.object`.
            if not callable(getattr(own[ORIGINAL], name, None)):
                raise
            own[name] = value

    def __delattr__(self, name: str) -> None:
        own = self.__dict__
        method = own[METHODS].get(name)
        if name not in own or own[name] is method:
            delattr(own[ORIGINAL], name)
        elif method is not None:
            own[name] = method
        else:
            del own[name]

    def __dir__(self) -> list[str]:
        return dir(self.__dict__[ORIGINAL])


def give(stand_in: Any, name: str, value: Any) -> None:
    """Give a stand-in a method or attribute of its own."""
    stand_in.__dict__[name] = stand_in.__dict__[METHODS][name] = value


def original(stand_in: Any) -> Any:
    """Return the client's object behind a stand-in."""
    return stand_in.__dict__[ORIGINAL]
