"""Runtime: runs one wrapped client's calls under the profiles in force."""
