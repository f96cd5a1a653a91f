"""`make bench-files`: whole recordings, beside faster-whisper's batched pipeline."""
