"""Speech in audio: where somebody speaks, also beside steady noise."""
