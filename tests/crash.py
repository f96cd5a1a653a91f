"""A stand-in for the sudden death of a process."""

from __future__ import annotations


class SimulatedCrash(BaseException):
    """Raised where a process dies. As in a real death, no `except Exception` runs."""
