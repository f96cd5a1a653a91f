"""One step of transcription: claim, read, decode, commit."""
