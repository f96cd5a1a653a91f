"""The registry of adapters: tables, checked moves and wire types."""
