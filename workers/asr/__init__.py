"""Speech recognition: a batched Whisper engine, streaming policies, the guard, the gate for silence."""
