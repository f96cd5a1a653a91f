"""Tests of README.md and docs/: what they say about commands, settings and files is true, and their samples run."""
