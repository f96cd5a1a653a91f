"""Routes of meetings and of what they hold."""
