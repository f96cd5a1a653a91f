"""A Whisper that teaches itself: what it makes of whole contexts is what it shall make of short ones."""
