"""What a call costs, as ratios against a bare call and against the peers, in one run."""
