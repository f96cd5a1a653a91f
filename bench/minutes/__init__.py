"""`make bench-minutes`: minutes of invented meetings, compared fact by fact with what was said in them."""
