"""One step of transcription: claim tracks, read audio, decode, commit."""
