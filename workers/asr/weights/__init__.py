"""Whisper weights: where they come from and how they become a folder."""
