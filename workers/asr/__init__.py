"""Speech recognition: the batched Whisper engine."""
