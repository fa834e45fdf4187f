"""What an adapter answers: all that the rest of this library asks about one client.

`Adapter` is the whole of it. Its parts are protocols of their own, one for each concern: the operations of
the client, its policies, its failures, and the connection to its cluster.
"""

from .adapter import Adapter
from .connection import Creation, NativeConfig, NoNativeConfig, Seam
from .failures import ClientRefusals, Refusals
from .operations import CoalescedMethod, LazyMethod, every_operation
from .policies import KeywordsMatchProfile

__all__ = [
    "Adapter",
    "ClientRefusals",
    "CoalescedMethod",
    "Creation",
    "KeywordsMatchProfile",
    "LazyMethod",
    "NativeConfig",
    "NoNativeConfig",
    "Refusals",
    "Seam",
    "every_operation",
]
