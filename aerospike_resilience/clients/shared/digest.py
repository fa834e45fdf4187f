"""The partition of a record, for clients that do not tell it: the low twelve bits of its digest."""

from __future__ import annotations

from typing import Any

from ...model.digest import digest_of


def partition_of(key: tuple[Any, ...]) -> int:
    """Return the partition of ``(namespace, set, user key[, digest])``, 0 to 4095.

    Raises:
        TypeError: the user key is none, and there is no digest.
    """
    if key[2] is None and len(key) > 3 and key[3] is not None:
        digest = bytes(key[3][:2])
    else:
        digest = digest_of(key[1], key[2])
    return (digest[0] | digest[1] << 8) & 4095
