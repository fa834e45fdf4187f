"""The demo: one node of three stalls; four ways to use the client, side by side."""
