"""``python -m benchmarks.at_load``: one node of three fails under a service's load; bare and wrapped in
turn.

16 threads, or 200 tasks, make 1,500 calls a second on 2,000 records, 30 % of them writes, with clients in
their default configuration. For each client and fault the bare client, with the profile's
``total_timeout``, and the wrapped one work through the same seconds one after the other, as often as asked
for: before, during and after the fault.

On the embedded cluster by default. With ``--hosts`` on a real one whose nodes run on this machine:
``--pid`` is the process of the node that is to be stopped; ``kill`` needs ``--restart``, a command that
starts it again.
"""

import os

os.environ["AEROSPIKE_NO_UVLOOP"] = "1"  # the clients' event loop is the interpreter's own
