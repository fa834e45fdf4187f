"""The SDK, distribution ``aerospike-sdk``: clusters and sessions, awaited and blocking."""

from .adapter import AerospikeSdkAdapter

__all__ = ["AerospikeSdkAdapter"]
