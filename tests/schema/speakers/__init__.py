"""Tests of `schema.speakers`."""
