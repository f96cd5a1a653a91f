"""Live meetings: audio comes in, events go out."""
