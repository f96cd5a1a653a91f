"""The products that a step spends its time in."""
