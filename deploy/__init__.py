"""Runs Minutebook: the processes of one machine, their supervisor, and the same processes in containers."""
