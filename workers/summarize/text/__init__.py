"""Finds the words, numbers, dates and sentences of a text."""
