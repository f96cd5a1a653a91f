"""The stack that runs in the data folder, if there is one: `deploy` leaves its addresses there."""

from __future__ import annotations

import json

from schema.core.settings import Settings


def as_seen_by_the_stack(config: Settings) -> Settings:
    """*config* with the addresses of the stack that runs in its data folder, which may have chosen free ports."""
    try:
        facts = json.loads((config.data_dir / "run" / "stack.json").read_text())
        host, port = facts["api_url"].removeprefix("http://").rsplit(":", 1)
        update = {"redis_url": facts["redis_url"], "api_host": host, "api_port": int(port)}
    except (OSError, ValueError, KeyError):
        return config
    return config.model_copy(update=update)
