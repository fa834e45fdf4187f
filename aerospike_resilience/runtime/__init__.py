"""Runtime: one wrapped client at work, under the profiles that are in force for it."""
