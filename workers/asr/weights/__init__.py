"""Where Whisper weights come from, and how they become a folder."""
