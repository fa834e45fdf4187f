"""Attempt: one native call, with the time and the tries it may use."""
