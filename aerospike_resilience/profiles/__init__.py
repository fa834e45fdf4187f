"""Profiles: policy files found, read, checked, merged, explained and watched."""

from .errors import PolicyFileError, Problem, UnknownProfileError
from .explain import Explanation
from .library import PolicyLibrary
from .profile import Profile, Setting
from .watch import Reload, Watcher

__all__ = [
    "Explanation",
    "PolicyFileError",
    "PolicyLibrary",
    "Problem",
    "Profile",
    "Reload",
    "Setting",
    "UnknownProfileError",
    "Watcher",
]
