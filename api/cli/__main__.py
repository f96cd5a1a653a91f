"""`python -m api.cli` is the same as `minutebook`."""

from __future__ import annotations

from api.cli import app

app(prog_name="minutebook")
