"""Breaker: keep attempts away from open nodes, and report what came of each."""
