"""One training run: configuration, loop, checkpoints, curve, report."""
