"""Minutes: the ledger of items, the notes that change it, the minutes as they are read, and due days."""
