"""Routes of corrections of transcripts and minutes."""
