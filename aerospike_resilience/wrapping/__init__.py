"""Wrapping: turns a client into a wrapped client."""
