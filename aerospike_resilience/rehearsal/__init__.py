"""Rehearsal: two profiles under the same load and faults on an embedded cluster, before a roll-out."""
