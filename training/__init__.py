"""Training: the adapters that the workers load, made of recordings, transcripts and minutes, measured, published."""
