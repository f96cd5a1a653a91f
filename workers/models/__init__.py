"""Models as files and in memory: source, cache, precision, LoRA, adapters."""
