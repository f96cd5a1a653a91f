"""Corrections of transcripts and minutes: tables, rules and wire types."""
