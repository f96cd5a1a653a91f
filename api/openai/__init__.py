"""Routes with OpenAI's audio API, so that its clients work unchanged."""
