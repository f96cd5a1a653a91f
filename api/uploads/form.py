"""Receives a form with one file, whose other fields may come before or after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import Request

from api.http.form_stream import FILE_FIELD, Field, FileBegins, FileData, form_parts
from api.uploads.receiver import UploadReceiver
from schema.core.errors import InvalidInput

T = TypeVar("T")
FormFields = dict[str, list[str]]
"""The values by field name, in the order in which they arrived."""
Begin = Callable[[str, FormFields], Awaitable[UploadReceiver]]
Finish = Callable[[UploadReceiver, FormFields], Awaitable[T]]


async def receive_form(request: Request, begin: Begin, finish: Finish[T]) -> T:
    """Store the form's file, and return what *finish* returns.

    *begin* gets the file's name and the fields before the file; it can refuse them before the file arrives. *finish*
    gets all fields. Raises InvalidInput, ClientDisconnect, and the errors of *begin*, *finish* and `UploadReceiver`.
    Nothing of the file remains then.
    """
    fields: FormFields = defaultdict(list)
    receiver: UploadReceiver | None = None
    try:
        async for part in form_parts(request.headers.get("content-type", ""), request.stream()):
            match part:
                case Field(name, value):
                    fields[name].append(value)
                case FileBegins(field, name):
                    _check_file(field, receiver)
                    receiver = await begin(name, fields)
                case FileData(data) if receiver is not None:
                    await receiver.write(data)
        if receiver is None:
            raise InvalidInput(
                f"the form has no file; send the recording as the field '{FILE_FIELD}'", param=FILE_FIELD
            )
        return await finish(receiver, fields)
    except BaseException as error:
        if receiver is not None:
            await receiver.abandon(error)
        raise


def _check_file(field: str, earlier: UploadReceiver | None) -> None:
    """Raises InvalidInput unless a file in this field may begin after the *earlier* one."""
    if earlier is not None:
        raise InvalidInput(
            f"the form has a second file, in the field '{field[:64]}'; send one file in a request", param=FILE_FIELD
        )
    if field != FILE_FIELD:
        raise InvalidInput(
            f"the form has a file in the field '{field[:64]}'; send it in the field '{FILE_FIELD}'", param=FILE_FIELD
        )
