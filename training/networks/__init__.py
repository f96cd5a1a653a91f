"""Networks as they are trained, and what of them is trained."""
