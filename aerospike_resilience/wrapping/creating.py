"""Creating: a class that replaces a client's class and wraps the instances it creates.

It passes for the client's class in `isinstance`, in comparisons, as a key of a dict, by its signature,
and by name in a pickle.
"""

from __future__ import annotations

import copyreg
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

Wrap: TypeAlias = Callable[[Any, tuple[Any, ...], Mapping[str, Any]], Any]
"""From a new client and the arguments it was created with, to what its creator gets."""


def creating(cls: Any, name: str, wrap: Wrap) -> Any:
    """Return a class that creates wrapped instances.

    Args:
        cls: the client's class.
        name: where the class is found, as ``module:class``.
        wrap: wraps an instance.
    """

    class Creating(type(cls)):  # type: ignore[misc]
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            made = cls(*args, **kwargs) if self is stand_in else super().__call__(*args, **kwargs)
            return wrap(made, args, kwargs)

        def __instancecheck__(self, instance: object) -> bool:
            if self is stand_in:
                return isinstance(instance, cls)
            return bool(super().__instancecheck__(instance))

        def __subclasscheck__(self, subclass: type) -> bool:
            if self is stand_in:
                return issubclass(subclass, cls)
            return bool(super().__subclasscheck__(subclass))

        def __eq__(self, other: object) -> bool:
            return self is other or (self is stand_in and other is cls)

        def __hash__(self) -> int:
            return hash(cls) if self is stand_in else super().__hash__()

        @property
        def __signature__(self) -> inspect.Signature:
            """The signature of the client's class.

            A compiled class without a signature raises ValueError here, as it does by itself.
            """
            if self is stand_in:
                return inspect.signature(cls)
            own = any("__init__" in vars(one) for one in self.__mro__[: self.__mro__.index(cls)])
            whole = inspect.signature(getattr(self, "__init__" if own else "__new__"))
            return whole.replace(parameters=list(whole.parameters.values())[1:])

    about = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
    stand_in: Any = Creating(cls.__name__, (cls,), about)

    def by_name(one: Any) -> Any:
        """Pickle the class by its public name: loading it returns what has that name then."""
        if one is stand_in:
            return pkgutil.resolve_name, (name,)
        return one.__qualname__  # a derived class is found in its own module

    copyreg.pickle(Creating, by_name)
    return stand_in
