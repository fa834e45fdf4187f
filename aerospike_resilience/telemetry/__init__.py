"""Telemetry: the names and instruments of spans, metrics and logs."""
