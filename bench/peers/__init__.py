"""`make bench-peers`: other live servers in the same run on the same audio."""
