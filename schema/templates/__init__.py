"""Templates of minutes: their sections, what belongs in each, and how the sentences are."""
