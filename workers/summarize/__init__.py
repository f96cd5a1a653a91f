"""Minutes from transcripts: windows, notes, rolling and final minutes."""
