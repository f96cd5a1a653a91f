"""The commands of `python -m training`. Each module holds one noun and puts its commands in with `register(app)`."""
