"""Transcription of a track in windows: voice activity, policies, the guard, and what is committed."""
