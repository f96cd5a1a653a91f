"""`python -m bench.summaries`: minutes of whole meetings beside those that people wrote."""
