"""Compares minutes of whole meetings with what people wrote about them: `python -m bench.summaries`."""
