"""Telemetry: what spans, metrics and logs say."""
