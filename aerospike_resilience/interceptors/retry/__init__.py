"""Retry: send again what failed, where that is safe, useful and paid for."""
