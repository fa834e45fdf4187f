"""The server side of the embedded cluster: one node a process."""
