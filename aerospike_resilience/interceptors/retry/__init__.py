"""Retry: send failed operations again, where that is safe, can help and is within the budget."""
