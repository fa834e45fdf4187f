"""Connection: one description of a cluster, from which any client is connected and wrapped."""
