"""Wrapping: a client goes in, a wrapped client comes out."""
