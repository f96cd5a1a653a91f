"""Routes that speak OpenAI's audio API, so that its clients work unchanged."""
