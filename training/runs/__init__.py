"""A training run: loop, checkpoints, memory, report."""
