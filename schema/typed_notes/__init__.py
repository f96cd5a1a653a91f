"""Notes that people type during a meeting: table, changes, wire types."""
