"""Tests of the mailbox on a real server."""
