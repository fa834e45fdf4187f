"""Keep an Aerospike client serving while nodes stall, overload and die."""
