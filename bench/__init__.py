"""Measurements: `make bench` and the benchmarks that decide defaults."""
