"""Names, instruments and prices of what goes to OpenTelemetry."""
