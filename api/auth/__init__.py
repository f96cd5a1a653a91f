"""Keys: who asks, and what they may see."""
