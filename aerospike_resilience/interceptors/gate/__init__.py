"""Gate: how many operations may be under way at once, and who waits."""
