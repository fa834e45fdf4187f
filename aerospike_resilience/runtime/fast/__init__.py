"""The fused success path: two functions for each operation do the success work of every link.

A call takes it while nothing is unusual. The general chain (`runtime.chain`) is its specification and its
continuation: a call that may not take it is sent through the chain from the start, and a first attempt that
failed on it enters the chain where it stands. `lane` holds what such functions read and where failed
attempts go on; `blocking` makes the functions of methods that block.
"""
