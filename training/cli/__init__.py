"""Commands of `python -m training`. Each module covers one noun and adds its commands with `register(app)`."""
