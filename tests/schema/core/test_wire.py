"""What every wire type refuses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schema.core.wire import Term, Wire
from schema.meetings.wire import NewMeeting
from schema.uploads.wire import NewUpload, UploadChange


class WithTerms(Wire):
    terms: list[Term]


class NumbersAndFlags(Wire):
    length: float | None = None
    count: int = 0
    kept: bool = False
    either: bool | int = 0


@pytest.mark.parametrize("name", ["length", "count"])
@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_not_a_number(name: str, value: bool) -> None:
    with pytest.raises(ValidationError) as refused:
        NumbersAndFlags.model_validate({name: value})
    assert [fault["loc"] for fault in refused.value.errors()] == [(name,)]
    with pytest.raises(ValidationError):
        NumbersAndFlags.model_validate_json(f'{{"{name}": {str(value).lower()}}}')


def test_a_boolean_stays_one_where_the_field_takes_it() -> None:
    measured = NumbersAndFlags.model_validate({"kept": True, "either": True, "count": 1, "length": 2.5})
    assert (measured.kept, measured.either, measured.count, measured.length) == (True, True, 1, 2.5)


def test_the_priority_of_an_upload_is_no_boolean() -> None:
    for kind in (NewUpload, UploadChange):
        with pytest.raises(ValidationError):
            kind.model_validate({"priority": False})


def test_a_text_of_another_length_is_refused_by_its_characters() -> None:
    with pytest.raises(ValidationError, match="Give at most 300 characters, not 301"):
        NewMeeting(title="x" * 301)
    with pytest.raises(ValidationError, match="Give 1 to 60 characters, not 0"):
        WithTerms(terms=["  "])
    # What counts is the line that is stored: white space at its ends is left out.
    assert WithTerms(terms=["x" * 60 + "   "]).terms == ["x" * 60]
    assert WithTerms.model_json_schema()["properties"]["terms"]["items"] == {
        "type": "string",
        "minLength": 1,
        "maxLength": 60,
    }
