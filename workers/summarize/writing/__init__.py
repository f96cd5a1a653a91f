"""Notes: rules and models that write them."""
