"""Systems measured beside each other on one test set."""
