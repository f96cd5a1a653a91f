"""The registry of trained adapters: tables, life cycle, wire types."""
