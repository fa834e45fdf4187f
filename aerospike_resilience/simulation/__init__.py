"""Simulation: many processes under one profile against a model of a cluster, in virtual time."""
