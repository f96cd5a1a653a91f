"""Transcription of a track in windows: policies, the guard, and what is committed."""
