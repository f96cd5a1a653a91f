"""Windows of a track: voice activity, policies, the guard, what is committed."""
