"""Reads a multipart form as it arrives: its fields, and its file piece by piece. The file is never held whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import Message
from typing import TYPE_CHECKING, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from schema.core.errors import InvalidInput

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

FIELDS_LIMIT = 100
FIELD_LIMIT_BYTES = 16 << 10
PARAMETERS_LIMIT = 100
"""Of a part's header. The library that reads them takes seconds for thousands inside quotes."""
FILE_FIELD = "file"
"""The field that holds the recording, in every form of this API."""
_FILE_TYPES = ("audio/", "video/", "application/octet-stream")
_UNENCODED = ("7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FileBegins:
    """`name` is the file's name at the sender."""

    field: str
    name: str


@dataclass(frozen=True, slots=True)
class FileData:
    data: bytes


@dataclass(frozen=True, slots=True)
class FileEnds:
    pass


FormPart = Field | FileBegins | FileData | FileEnds


async def form_parts(content_type: str, body: AsyncIterator[bytes]) -> AsyncIterator[FormPart]:
    """Yield the parts in the order in which they arrive. Raises InvalidInput if the body is not a form."""
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data" or not boundary:
        raise InvalidInput(
            f"Content-Type is {content_type[:80]!r}; send the file as multipart/form-data, for example with "
            "'curl -F file=@FILE'"
        )
    form = _Form()
    ended = False
    try:
        parser = MultipartParser(boundary, form.callbacks())
        async for piece in body:
            parser.write(piece)
            for part in form.drain():
                yield part
        parser.finalize()
        ended = form.ended
    except FormParserError as error:
        raise InvalidInput(f"the form cannot be read ({error}); send multipart/form-data") from error
    if not ended:
        raise InvalidInput("the form ends before its last boundary; send the whole form")


@dataclass
class _Form:
    """The parser's callbacks. `drain` returns the parts that they have collected."""

    parts: list[FormPart] = field(default_factory=list)
    ended: bool = False
    fields: int = 0
    _header: bytearray = field(default_factory=bytearray)
    _value: bytearray = field(default_factory=bytearray)
    _headers: Message = field(default_factory=Message)
    _name: str = ""
    _is_file: bool = False
    _text: bytearray = field(default_factory=bytearray)

    def drain(self) -> list[FormPart]:
        parts, self.parts = self.parts, []
        return parts

    def callbacks(self) -> MultipartCallbacks:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_end": self._end_form,
        }

    def _begin(self) -> None:
        self._headers, self._text = Message(), bytearray()

    def _end_header(self) -> None:
        if self._value.count(b";") > PARAMETERS_LIMIT:
            raise InvalidInput(f"a header of a part has more than {PARAMETERS_LIMIT} parameters; send fewer")
        self._headers[_header_text(self._header)] = _header_text(self._value)
        self._header.clear()
        self._value.clear()

    def _end_headers(self) -> None:
        name, file_name = _parameter(self._headers, "name"), _parameter(self._headers, "filename")
        if name is None:
            raise InvalidInput("a part of the form has no name; send 'Content-Disposition: form-data; name=...'")
        encoding = self._headers.get("Content-Transfer-Encoding", "binary").strip().lower()
        if encoding not in _UNENCODED:
            raise InvalidInput(f"the field '{name[:64]}' is encoded as '{encoding[:40]}'; send its bytes as they are")
        self._name = name
        self._is_file = file_name is not None or _is_unnamed_file(name, self._headers)
        if self._is_file:
            self.parts.append(FileBegins(name, file_name or ""))
            return
        self.fields += 1
        if self.fields > FIELDS_LIMIT:
            raise InvalidInput(f"the form has more than {FIELDS_LIMIT} fields; send fewer")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.parts.append(FileData(data[start:end]))
            return
        self._text += data[start:end]
        if len(self._text) > FIELD_LIMIT_BYTES:
            raise InvalidInput(f"the field '{self._name[:64]}' has more than {FIELD_LIMIT_BYTES} bytes; send less")

    def _end(self) -> None:
        self.parts.append(FileEnds() if self._is_file else Field(self._name, _field_text(self._name, self._text)))

    def _end_form(self) -> None:
        self.ended = True


def _parameter(headers: Message, name: str) -> str | None:
    """A parameter of Content-Disposition. The extended form of RFC 2231, `filename*=utf-8''...`, comes first.

    RFC 7578 forbids the extended form, but some clients send nothing else for a name that is not ASCII.
    """
    try:
        # A value is a text, or charset, language and text for the extended form, which the library's types leave out.
        parameters: list[tuple[str, Any]] = headers.get_params([], "content-disposition")
    except TypeError as error:  # `filename*1=...` beside `filename*=...`: the library cannot put the pieces in order
        raise InvalidInput("the header Content-Disposition of a part cannot be read; send name and filename") from error
    values = [value for key, value in parameters if key.lower() == name]
    extended = next((value for value in values if isinstance(value, tuple)), None)
    if extended is None:
        return next(iter(values), None)
    charset, text = str(extended[0]).lower(), str(extended[2])
    return text.encode("latin-1", "replace").decode("latin-1" if charset == "iso-8859-1" else "utf-8", "replace")


def _is_unnamed_file(name: str, headers: Message) -> bool:
    """Whether a part without a file name is a file: some clients leave out the name of a file that they hold in memory.

    Otherwise its bytes would be read as a text.
    """
    return name == FILE_FIELD or headers.get("Content-Type", "").strip().lower().startswith(_FILE_TYPES)


def _header_text(data: bytearray) -> str:
    """Clients send UTF-8 or, from old terminals, Latin-1."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _field_text(name: str, data: bytearray) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the field '{name[:64]}' is not UTF-8 (byte {error.start}); send text in UTF-8") from error
