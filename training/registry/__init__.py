"""The registry of adapters: publish into it, and the gate before an adapter serves."""
