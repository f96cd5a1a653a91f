"""Files: decoded in processes of their own, into the mailboxes of their meetings."""
