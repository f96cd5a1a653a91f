"""Corrections by people of transcripts and minutes: tables, rules, wire types."""
