"""Routes of uploads: a file in one request, or resumed by the tus protocol."""
