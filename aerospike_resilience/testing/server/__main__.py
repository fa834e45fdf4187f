"""Start the fork server of embedded clusters: `python -m aerospike_resilience.testing.server`.

The controller runs this file by its path instead. Then the library itself, which a node
does not need, is not imported, and it starts in a fraction of the time.
"""

import gc
import sys
import types
from pathlib import Path

if not __package__:
    gc.disable()  # until all is imported: none of that is garbage, and to look for some takes time
    _here = Path(__file__).resolve().parent
    for _name, _path in (
        ("aerospike_resilience", _here.parent.parent),
        ("aerospike_resilience.testing", _here.parent),
    ):
        _module = types.ModuleType(_name)
        _module.__path__ = [str(_path)]
        sys.modules[_name] = _module

from aerospike_resilience.testing.server.fork_server import main

main()
