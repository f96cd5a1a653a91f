"""Speakers: the people of a meeting, the units of speech that their voices are known by, and who said each word."""
