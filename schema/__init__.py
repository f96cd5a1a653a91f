"""The contract that every part shares: units, errors, settings, tables, wire types, the mailbox."""
