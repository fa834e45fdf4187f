"""Reloads of one client's profiles: how many there were, and why the last one changed nothing."""

from __future__ import annotations


class Reloads:
    """How many reloads changed the client's own profile, how many of any profile failed, and why.

    Attributes:
        counted: how many there were, by outcome: ``changed`` and ``failed``.
    """

    def __init__(self) -> None:
        self.counted = {"changed": 0, "failed": 0}
        self._errors: dict[str, str] = {}  # by a block's profile; "" for the client's own

    @property
    def error(self) -> str | None:
        """Why the last reload changed nothing; None while the files are good."""
        found = [
            f"using({name!r}): {error}" if name else error for name, error in self._errors.items()
        ]
        return "\n".join(found) or None

    @property
    def is_broken(self) -> bool:
        """Whether the files of the client's own profile are broken."""
        return "" in self._errors

    def changed(self) -> None:
        """Count a reload that changed the client's own profile."""
        self.counted["changed"] += 1
        self.note("", None)

    def note(self, name: str, error: Exception | None) -> None:
        """Keep why a profile was not reloaded. Replaces the mapping, as metrics read it at any time.

        Args:
            name: the profile that a block switched to; empty for the client's own.
            error: the error in its files; None once they are good.
        """
        if error is not None:
            self.counted["failed"] += 1
        others = {other: said for other, said in self._errors.items() if other != name}
        self._errors = others if error is None else {**others, name: str(error)}

    def after_fork(self) -> None:
        """Count from zero in a forked child."""
        self.counted = dict.fromkeys(self.counted, 0)
