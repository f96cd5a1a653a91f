"""Routes that correct transcripts and minutes."""
