"""From audio to a summary in one model: Whisper's encoder, a connector and a text model."""
