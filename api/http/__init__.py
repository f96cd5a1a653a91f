"""Parts that all routes share: problem details, parameters, forms, the reference."""
