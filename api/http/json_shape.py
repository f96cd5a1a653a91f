"""Checks the shape of JSON before anything parses it. Deep or very wide JSON would hold up every other request."""

from __future__ import annotations

import re

from schema.core.errors import InvalidInput

DEPTH_LIMIT = 32
VALUES_LIMIT = 1000
"""More than any request needs: the largest has two hundred names, points and terms, and 32 tracks."""
DIGITS_LIMIT = 400
"""More digits than the largest floating-point number has."""
MARKS_LIMIT = 128 << 10
"""More quotes, brackets and commas than a body with 1000 values needs. To look at millions of them takes seconds."""
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_BRACKET = re.compile(r"[\[\]{}]")
# Without the first condition, each digit of a number that is just short enough would be a beginning to try.
_LONG_NUMBER = re.compile(rf"(?<!\d)\d{{{DIGITS_LIMIT + 1}}}")


def check_json_body(body: bytes) -> None:
    """Raises InvalidInput unless *body* is UTF-8 of a small shape."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"the body is not UTF-8 (byte {error.start}); send JSON in UTF-8") from error
    check_json_shape(text)


def check_json_shape(text: str) -> None:
    """Raises InvalidInput for too much depth, too many values, or a number that is too long."""
    if (marks := sum(map(text.count, '"[]{},'))) > MARKS_LIMIT:
        raise InvalidInput(f"the JSON has {marks} quotes, brackets and commas, the limit is {MARKS_LIMIT}; send fewer")
    text = _STRING.sub('""', text)
    if _LONG_NUMBER.search(text):
        raise InvalidInput(f"the JSON has a number of more than {DIGITS_LIMIT} digits; send a shorter one")
    if text.count(",") >= VALUES_LIMIT:
        raise InvalidInput(f"the JSON has more than {VALUES_LIMIT} values; send fewer")
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEPTH_LIMIT:
            raise InvalidInput(f"the JSON is nested more than {DEPTH_LIMIT} levels deep; send a flatter one")
