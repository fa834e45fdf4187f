"""Profiles: policy files found, read, checked, merged, explained and watched."""

from ..errors import PolicyFileError, Problem, UnknownProfileError
from .explain import Explanation
from .layers import Setting
from .library import Policies, PolicyLibrary
from .profile import Profile
from .watch import Reload, Watcher

__all__ = [
    "Explanation",
    "Policies",
    "PolicyFileError",
    "PolicyLibrary",
    "Problem",
    "Profile",
    "Reload",
    "Setting",
    "UnknownProfileError",
    "Watcher",
]
