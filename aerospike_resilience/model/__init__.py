"""Model: the values that travel between the rooms. Imports nothing of the rest."""
