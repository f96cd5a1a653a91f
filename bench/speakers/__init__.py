"""`make bench-speakers`: who said what, on recordings whose speakers are known."""
