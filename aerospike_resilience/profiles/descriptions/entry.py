"""The form of a description: what a key means, and an example of its value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

Entries: TypeAlias = Mapping[str, tuple[str, Any]]
"""Description and example by key. The example is a valid value of the key, as in a file."""
