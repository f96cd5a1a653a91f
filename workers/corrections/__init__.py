"""Keeps people's corrections when a recording is transcribed again or minutes are rewritten."""
