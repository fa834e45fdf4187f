"""What a client starts on: its profile, or another one while that is broken or missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias, get_args

from ..errors import PolicyFileError, UnknownProfileError
from ..model.wording import shown, suggestion
from .library import PolicyLibrary, check_name, is_name
from .profile import Profile

BrokenProfile: TypeAlias = Literal["raise", "parent"]
"""What happens if a client is wrapped and its profile is broken or missing."""

NO_PARENT: Final = "observe"
"""What a client starts on if no parent can be used: it changes no call, and measures."""

_EXTENDS: Final = re.compile(r"^extends:[ \t]*([^\s#]+)", re.MULTILINE)


class Start(NamedTuple):
    """What a client starts on.

    Attributes:
        name: the profile that was asked for.
        profile: the profile in force.
        error: why it is not the one that was asked for; None if it is.
    """

    name: str
    profile: Profile
    error: PolicyFileError | UnknownProfileError | None = None


def start(library: PolicyLibrary, name: str, broken_profile: BrokenProfile = "raise") -> Start:
    """Load a profile, or what stands in for it.

    Args:
        library: where profiles come from.
        name: the profile's name.
        broken_profile: ``raise``: raise an error if it is broken or missing. ``parent``: take the nearest
            parent that is good, or `NO_PARENT` if there is none.

    Raises:
        UnknownProfileError: there is no such profile.
        PolicyFileError: its file is broken.
        TypeError: the name is no text.
        ValueError: `broken_profile` is neither.
    """
    if broken_profile not in get_args(BrokenProfile):
        known = suggestion(broken_profile, get_args(BrokenProfile))
        raise ValueError(f"there is no broken_profile={shown(broken_profile)}{known}")
    check_name(name)
    try:
        return Start(name, library.load(name))
    except (PolicyFileError, UnknownProfileError) as error:
        if broken_profile == "raise":
            raise
        for parent in (*_parents(library, name), NO_PARENT):
            try:
                return Start(name, library.load(parent), error)
            except (PolicyFileError, UnknownProfileError):
                continue
        raise


def _parents(library: PolicyLibrary, name: str) -> Iterator[str]:
    """Yield a file's parents, nearest first, as far as its text says, which may not be YAML."""
    visited = {name}
    while True:
        try:
            text = library.find(name).read_text(errors="replace")
        except (UnknownProfileError, OSError):
            return
        found = _EXTENDS.search(text)
        name = found[1].strip("'\"") if found else ""
        if not is_name(name) or name in visited:
            return
        visited.add(name)
        yield name
