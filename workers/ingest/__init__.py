"""Uploaded files: separate processes decode them, and a worker feeds the audio into the mailboxes of their meetings."""
