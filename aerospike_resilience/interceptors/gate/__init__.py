"""Gate: limits how many operations run at once, and queues the others."""
