"""Measures of transcripts, summaries and their cost, with intervals."""
