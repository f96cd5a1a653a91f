"""Matrix products and attention, made fast for the processor."""
