"""Systems measured side by side on one test set."""
