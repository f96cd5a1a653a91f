"""Running Minutebook: one machine's processes, their supervisor, the same processes in containers."""
