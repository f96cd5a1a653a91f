"""Kept audio: pieces of FLAC that people listen to, their table, and how long they are kept"""
