"""The commands of `python -m training`, one module for each noun.

Each module adds its commands with `register(app)`.
"""
