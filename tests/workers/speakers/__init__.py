"""Tests of `workers.speakers`."""
