"""Passages that are not for the minutes: marked by people, or announced in the meeting itself."""
