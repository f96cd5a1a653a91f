"""Measurements: what `make bench` and the choice of defaults rest on."""
