"""Uploaded files: decoded in processes of their own, fed into the mailboxes of their meetings."""
