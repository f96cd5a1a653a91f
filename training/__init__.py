"""Training: adapters are trained, measured and published."""
