"""Multipart forms as real clients write them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from api.http.form_stream import Field, FileBegins, FileData, FileEnds, FormPart, form_parts
from schema.core.errors import InvalidInput

BASE64 = b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: base64\r\n\r\nUklG'


def read(*parts: bytes) -> list[FormPart]:
    """The form whose parts are *parts*, each with its headers, an empty line and its data."""
    form = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(form), 7):
            yield form[at : at + 7]

    async def collect() -> list[FormPart]:
        return [part async for part in form_parts("multipart/form-data; boundary=x", body())]

    return asyncio.run(collect())


def file_name(disposition: str | bytes) -> str:
    header = disposition.encode() if isinstance(disposition, str) else disposition
    begins = read(b"Content-Disposition: form-data; " + header + b"\r\n\r\nsound")[0]
    assert isinstance(begins, FileBegins), begins
    assert begins.field == "file"
    return begins.name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('name="file"; filename="talk.wav"', "talk.wav"),
        ("name=file; filename=talk.wav", "talk.wav"),
        ("name=\"file\"; filename*=utf-8''%D8%AC%D9%84%D8%B3%D9%87.wav", "جلسه.wav"),
        ("name=\"file\"; filename*=UTF-8'de'Gr%C3%B6%C3%9Fe.wav", "Größe.wav"),
        ("name=\"file\"; filename*=iso-8859-1''Gr%F6%DFe.wav", "Größe.wav"),
        ('name="file"; filename="=?utf-8?B?R3LDtsOfZS53YXY=?="; filename*=utf-8\'\'Gr%C3%B6%C3%9Fe.wav', "Größe.wav"),
        ('filename*=utf-8\'\'a%20b.wav; name="file"; filename="ab.wav"', "a b.wav"),
        ('name="file"; filename*0*=utf-8\'\'a%C3%B6; filename*1="b.wav"', "aöb.wav"),
        ("name=\"file\"; filename*=no\0charset''a%FFb.wav", "a\N{REPLACEMENT CHARACTER}b.wav"),
        ('name="file"; filename="the \\"last\\"; one.wav"', 'the "last"; one.wav'),
        ('name="file"; filename="Größe.wav"', "Größe.wav"),
        ('name="file"; filename="Größe.wav"'.encode("latin-1"), "Größe.wav"),
        ('name="file"; filename=""', ""),
        ('name="file"', ""),
        ('NAME="file"; FileName="talk.wav"', "talk.wav"),
    ],
)
def test_the_file_name_is_read_in_every_form_that_clients_send(disposition: str | bytes, name: str) -> None:
    assert file_name(disposition) == name


@pytest.mark.parametrize("media_type", ["audio/wav", "Video/mp4", "application/octet-stream"])
def test_a_part_of_a_media_type_is_a_file_even_without_a_file_name(media_type: str) -> None:
    part = f'Content-Disposition: form-data; name="sound"\r\nContent-Type: {media_type}\r\n\r\nRIFF'
    assert isinstance(read(part.encode())[0], FileBegins)


@pytest.mark.parametrize("media_type", ["text/plain; charset=utf-8", "application/json"])
def test_a_part_of_text_without_a_file_name_is_a_field(media_type: str) -> None:
    part = f'Content-Disposition: form-data; name="title"\r\nContent-Type: {media_type}\r\n\r\nGröße'
    assert read(part.encode()) == [Field("title", "Größe")]


def test_fields_and_the_file_are_read_in_order() -> None:
    form = read(
        b'Content-Disposition: form-data; name="title"\r\n\r\nLaunch',
        b'Content-Disposition: form-data; name="file"; filename="a"\r\nContent-Transfer-Encoding: binary\r\n\r\nRIFF',
    )
    assert form[:2] == [Field("title", "Launch"), FileBegins("file", "a")]
    assert b"".join(part.data for part in form if isinstance(part, FileData)) == b"RIFF"
    assert form[-1] == FileEnds()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (b'Content-Disposition: form-data; filename="a.wav"\r\n\r\nx', "has no name"),
        (b"Content-Type: audio/wav\r\n\r\nx", "has no name"),
        (b'Content-Disposition: form-data; name="title"\r\n\r\nGr\xf6\xdfe', "'title' is not UTF-8 (byte 2)"),
        (BASE64, "encoded as 'base64'"),
        (b"Content-Disposition: form-data; filename*1*=utf-8''a; filename*=utf-8''b\r\n\r\nx", "cannot be read"),
        (b'Content-Disposition: form-data; name="' + b";" * 4000 + b'"\r\n\r\nx', "more than 100 parameters"),
    ],
)
def test_a_part_that_cannot_be_read_is_refused_with_the_remedy(part: bytes, message: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(part)
    assert message in refused.value.detail
    assert "send" in refused.value.detail


def test_a_boundary_that_is_too_long_is_refused() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b""

    async def collect() -> list[FormPart]:
        return [part async for part in form_parts(f"multipart/form-data; boundary={'x' * 1000}", body())]

    with pytest.raises(InvalidInput, match="the form cannot be read"):
        asyncio.run(collect())
