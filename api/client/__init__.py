"""A client of the API, for the command line, the demonstration, benchmarks and tests."""
