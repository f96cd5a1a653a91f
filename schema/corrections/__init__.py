"""Corrections that people make to transcripts and minutes: tables, rules, wire types."""
