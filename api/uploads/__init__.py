"""Routes of uploads: a whole file in one request, or in pieces by the tus protocol."""
