"""Compares Minutebook with other live servers in turn: same machine, audio, weights and measure."""
