"""Minutebook and the live servers of others in turn: same machine, same run, same audio, same weights, same measure."""
