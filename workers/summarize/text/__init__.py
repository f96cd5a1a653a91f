"""Words, numbers, dates and sentences of a text."""
