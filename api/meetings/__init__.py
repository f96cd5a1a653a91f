"""Routes of meetings, their transcripts, their minutes and search."""
