"""Whisper weights: where they come from, and how they are converted to a Hugging Face folder."""
