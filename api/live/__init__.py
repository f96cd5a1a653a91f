"""Live meetings: audio in, events out."""
