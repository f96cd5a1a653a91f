"""Windows of a track: what is read, what is committed."""
