"""Fast matrix products and attention for this processor."""
