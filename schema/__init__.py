"""The contract every part of Minutebook shares: units, errors, settings, tables, wire types, mailbox."""
