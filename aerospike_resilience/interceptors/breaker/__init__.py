"""Breaker: keep attempts away from open nodes, and report the outcome of each attempt."""
