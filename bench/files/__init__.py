"""`make bench-files`: whole recordings through the stack, compared with faster-whisper's batched pipeline."""
