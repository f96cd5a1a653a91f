"""Whisper taught by itself to read in a context as long as the audio."""
