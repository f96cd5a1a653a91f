"""Measures of transcripts, of summaries and of what they cost, with intervals for every comparison."""
