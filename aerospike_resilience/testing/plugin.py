"""The pytest plugin: an embedded cluster and a client on it, as fixtures."""
