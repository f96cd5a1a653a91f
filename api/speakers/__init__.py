"""Routes for the people of a meeting, who are told apart by their voices."""
