"""Concurrency: locks, threads, forks and the process's end, as every room of the house deals with them."""
