"""Doors that speak OpenAI's API for audio, so that its clients work unchanged: files, realtime sessions, models."""
