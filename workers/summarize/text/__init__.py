"""Words, numbers and sentences of a text."""
