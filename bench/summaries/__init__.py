"""Minutes of whole meetings beside what people wrote of them: `python -m bench.summaries`."""
