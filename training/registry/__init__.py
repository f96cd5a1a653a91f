"""The registry of adapters: publishing, and the gate that an adapter must pass before it serves."""
