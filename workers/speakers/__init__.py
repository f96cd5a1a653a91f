"""Speakers: who says what on a track, told apart by their voices."""
