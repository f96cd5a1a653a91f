"""Whether the speakers of a meeting are told apart, and how many there are: `auto`, `off`, `4` or `2-6`."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from schema.core.errors import InvalidInput

AUTO_SPEAKERS, NO_SPEAKERS = "auto", "off"
SPEAKERS_LIMIT = 32
_COUNT = re.compile(r"([1-9][0-9]?)(?:-([1-9][0-9]?))?")


def speaker_range(wish: str) -> tuple[int, int | None]:
    """The least and the most speakers. With `auto` there are at least one and any number."""
    match = _COUNT.fullmatch(wish)
    if match is None:
        return 1, None
    least = int(match[1])
    return least, int(match[2] or least)


def _known(wish: str) -> str:
    wish = wish.strip().lower()
    least, most = speaker_range(wish)
    counted = _COUNT.fullmatch(wish) is not None and least <= (most or 0) <= SPEAKERS_LIMIT
    if wish not in (AUTO_SPEAKERS, NO_SPEAKERS) and not counted:
        remedy = f"Give 'auto', 'off', a number of speakers up to {SPEAKERS_LIMIT}, or a range such as '2-6'"
        raise PydanticCustomError("unknown_speakers", remedy)
    return wish


SpeakersWish = Annotated[str, AfterValidator(_known)]
"""`auto` tells speakers apart if the server can. `off` does not. `4` or `2-6` also say how many there are."""


def listening(wish: str, models: str) -> str | None:
    """What is stored with a meeting: *wish*, or None if nobody listens. *models* is the setting of the server.

    Raises InvalidInput if a number of speakers is given to a server that does not tell them apart.
    """
    if models == NO_SPEAKERS and wish not in (AUTO_SPEAKERS, NO_SPEAKERS):
        raise InvalidInput(
            f"speakers is '{wish}', but this server does not tell speakers apart (MINUTEBOOK_SPEAKERS=off); "
            "leave it out, or set MINUTEBOOK_SPEAKERS"
        )
    return None if NO_SPEAKERS in (wish, models) else wish
