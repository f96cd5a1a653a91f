"""Lines of text that people write, such as titles, names and corrections: what they may contain, and how to show them.

Persian, Hindi, Arabic, Khmer and emoji need invisible characters, such as joiners and direction marks. Those are kept.
"""

from __future__ import annotations

import re
import unicodedata

_CONTROLS = r"\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"
"""C0, DEL and C1, without those that are white space. Terminals obey them."""
_SURROGATES = r"\ud800-\udfff"
_NONCHARACTERS = r"\ufdd0-\ufdef" + "".join(rf"\U{plane:04x}fffe\U{plane:04x}ffff" for plane in range(17))
_OVERRIDES = r"\u202a-\u202e"
"""Embeddings and overrides of the direction. They can make a text look like another one: `exe.gpj` as `jpg.exe`."""
_USELESS = r"\u00ad\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0001"
"""Soft hyphens, byte order marks and deprecated format characters. Two names that differ only in them look the same."""
_REFUSED = re.compile(f"[{_CONTROLS}{_SURROGATES}{_NONCHARACTERS}]")
_DROPPED = re.compile(f"[{_OVERRIDES}{_USELESS}]")
_UNSAFE = re.compile(f"[{_CONTROLS}{_SURROGATES}{_NONCHARACTERS}{_OVERRIDES}]")
_SPACE = re.compile(r"\s")
_ISOLATES = re.compile("[\u2066-\u2069]")
_END_OF_ISOLATE = "\u2069"
_INVISIBLE = re.compile(
    r"[\s\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u206f\u3164\ufe00-\ufe0f\uffa0"
    r"\U000e0000-\U000e0fff]*"
)
# NFC would replace these ideographs by others, and some people write their names with them.
_COMPOSABLE = re.compile("[^\uf900-\ufaff\U0002f800-\U0002fa1f]+")
_ENDING = re.compile(r"(?<=.)\.(?:[a-z][a-z0-9]{1,3}|3gp|3gpp|3g2)$", re.IGNORECASE)
NAME_CHARACTERS = 300
VALUE_CHARACTERS = 80


def as_line(text: str) -> str:
    """*text* on one line, in the form in which it is stored and compared.

    It is composed (NFC), every run of white space is one space, overrides of the direction are left out, and isolates
    are closed. A text without a visible character becomes empty. Raises ValueError for a control character, a lone
    surrogate or a noncharacter.
    """
    if refused := _REFUSED.search(text):
        raise ValueError(f"Remove the character U+{ord(refused[0]):04X}, which is not text")
    composed = _COMPOSABLE.sub(lambda run: unicodedata.normalize("NFC", run[0]), _DROPPED.sub("", text))
    line = _closed(" ".join(composed.split()))
    return "" if _INVISIBLE.fullmatch(line) else line


def cleaned_line(text: str) -> str:
    """The line that *text* is without the characters that `as_line` refuses."""
    return as_line(_REFUSED.sub("", text))


def same_line(one: str, other: str) -> bool:
    """Whether two texts are the same line, also if they hold characters that `as_line` refuses."""
    return cleaned_line(one) == cleaned_line(other)


def shown(text: str) -> str:
    """*text* without effect on a terminal, a log or the text around it.

    White space becomes spaces. Any other character that would have an effect becomes U+FFFD. So indices stay the same.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", _SPACE.sub(" ", text))


def shortened(value: str) -> str:
    """*value* as a message names it. A long one is cut, so that the message stays readable."""
    return value if len(value) <= VALUE_CHARACTERS else f"{value[:VALUE_CHARACTERS]}…"


def shown_name(path: str) -> str:
    """The last part of a file's path as a line. It is only shown, and never used as a path.

    Bytes that were not UTF-8 become U+FFFD; see `os.fsdecode`.
    """
    name = path.replace("\\", "/").rpartition("/")[2]
    readable = re.sub(f"[{_SURROGATES}]", "\N{REPLACEMENT CHARACTER}", name)
    return cleaned_line(readable)[-NAME_CHARACTERS:].strip()


def without_ending(name: str) -> str:
    """*name* without the ending of a media file. The dots of a date or a sentence stay: `Jour fixe 12.3. with Leo`."""
    return _ENDING.sub("", name)


def _closed(line: str) -> str:
    """*line* with as many ends of isolates as beginnings, so that it does not change the direction of what follows."""
    open_isolates = 0

    def keep(mark: re.Match[str]) -> str:
        nonlocal open_isolates
        if mark[0] != _END_OF_ISOLATE:
            open_isolates += 1
        elif open_isolates:
            open_isolates -= 1
        else:
            return ""
        return mark[0]

    return _ISOLATES.sub(keep, line) + open_isolates * _END_OF_ISOLATE
