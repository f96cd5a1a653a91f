"""`make bench-files`: whole recordings through the stack, beside faster-whisper's batched pipeline."""
