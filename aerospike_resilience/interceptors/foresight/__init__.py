"""Foresight: counts what another profile would have done to calls, beside what became of them."""
