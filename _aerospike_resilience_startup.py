"""What Python runs when it starts with ``AEROSPIKE_RESILIENCE_PROFILE`` set: it remembers, and no more.

The line in ``aerospike_resilience.pth`` calls `remember`. The package itself, which is many modules, is
imported when the first package of a client is: a process that uses no client does without. So this file
stands beside the package, and imports nothing that Python has not imported already.
"""

import os
import sys
from _thread import RLock

CLIENTS = ("aerospike", "aerospike_native", "aerospike_py", "aerospike_sdk")
"""The packages that have clients; a test keeps it equal to `aerospike_resilience.clients.PACKAGES`."""

_VARIABLES = ("AEROSPIKE_RESILIENCE_PROFILE", "AEROSPIKE_RESILIENCE_SKIP")


class _Finder:
    """Finds no module: it is asked for each that is imported, and acts before the first client's.

    Args:
        environ: the variables, as they were when Python started.
    """

    def __init__(self, environ: dict[str, str]) -> None:
        self._environ = environ
        self._loading = self._loaded = False
        self._lock = RLock()

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """Instrument the process if a client's package is asked for; have the others find it then."""
        if name not in CLIENTS or self._loaded:
            return None
        with self._lock:  # who imports another client's package meanwhile must find it instrumented
            if self._loading:
                return None  # it is this very thread that asks, from below
            self.load()
        from importlib.util import find_spec

        # The finders are asked anew, since one that instruments has been put in front of them.
        return find_spec(name)

    def load(self) -> None:
        """Import the package and instrument the process, once."""
        if self._loaded:
            return
        self._loading = True
        try:
            from aerospike_resilience.instrument import from_startup

            from_startup(self._environ)
        except Exception:
            import logging

            logging.getLogger("aerospike_resilience").warning(
                "AEROSPIKE_RESILIENCE_PROFILE is set, and clients stay bare", exc_info=True
            )
        finally:
            self._loading = False
        # Not if it was interrupted: then the next import tries again. The finder stays where it is, for a
        # thread that walks the list just now would miss the one behind it.
        self._loaded = True

    def after_fork(self) -> None:
        """Start anew in a forked child: a thread of the parent may hold the lock."""
        self._lock = RLock()
        self._loading = False


_finder: _Finder | None = None


def remember() -> None:
    """Have clients instrumented, as the environment says, once there are any. A second call is idle."""
    global _finder
    if _finder is not None:
        return
    _finder = _Finder({name: os.environ[name] for name in _VARIABLES if name in os.environ})
    if any(name in sys.modules for name in CLIENTS):  # another line of a .pth file imports it
        _finder.load()
        return
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_finder.after_fork)
    sys.meta_path.insert(0, _finder)  # type: ignore[arg-type]  # a `ModuleSpec` is no builtin's type
