"""Models on disk and in memory: sources, the cache, precision, LoRA and adapters."""
