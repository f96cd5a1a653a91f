"""What every wire type refuses."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from schema.core.wire import Wire
from schema.uploads.wire import NewUpload, UploadChange


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
