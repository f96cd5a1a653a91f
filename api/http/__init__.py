"""What all HTTP routes share: problems, parameters, paging, ETags, the reference."""
