"""Notes of a window, written by rules or by a language model."""
