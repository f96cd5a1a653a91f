"""Whisper's tokens: text to tokens and back, the special tokens, and those that the model must not write."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

from schema.core.errors import BrokenModel, UnknownLanguage

_NO_SPEECH = ("<|nospeech|>", "<|nocaptions|>")
UNSPACED_LANGUAGES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
"""Languages written without spaces between words."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of one model. `languages` maps a code such as `en` to its token; it is empty for an English-only
    model."""

    tokenizer: Tokenizer
    end: int
    start: int
    previous: int
    no_speech: int
    no_timestamps: int
    transcribe: int
    translate: int
    languages: dict[str, int]
    suppressed: tuple[int, ...]
    suppressed_first: tuple[int, ...]
    """Tokens that must not begin a text: a single space, and the end."""

    @property
    def multilingual(self) -> bool:
        return bool(self.languages)

    def encode(self, text: str) -> list[int]:
        """The tokens of *text*. Whatever looks like a special token in it is treated as plain text."""
        pieces = text.replace("<|", "< |")
        return list(self.tokenizer.encode(pieces, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of *tokens* without special tokens. An incomplete character becomes U+FFFD."""
        return b"".join(self.bytes_of[token] for token in tokens if token < self.end).decode(errors="replace")

    @cached_property
    def bytes_of(self) -> list[bytes]:
        """The bytes of each ordinary token, by token."""
        byte_of = _byte_of_character()
        names = (self.tokenizer.id_to_token(token) or "" for token in range(self.end))
        return [bytes(byte_of[character] for character in name if character in byte_of) for name in names]

    def start_tokens(self, language: str, *, translate: bool = False) -> list[int]:
        """The tokens with which every text begins. Raises UnknownLanguage if the model does not know *language*.

        With *translate* the text is English. An English-only model has no token for that, and raises UnknownLanguage.
        """
        if not self.multilingual:
            if language != "en" or translate:
                raise UnknownLanguage(
                    f"This model knows English only, not {language!r}. Use language 'en' or a multilingual model."
                )
            return [self.start, self.no_timestamps]
        if language not in self.languages:
            known = ", ".join(sorted(self.languages))
            raise UnknownLanguage(f"The model does not know the language {language!r}. Use one of {known}.")
        task = self.translate if translate else self.transcribe
        return [self.start, self.languages[language], task, self.no_timestamps]


def _byte_of_character() -> dict[str, int]:
    """GPT-2's notation of bytes: printable bytes are themselves, the others are characters from U+0100 on."""
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


def load_vocabulary(folder: Path) -> Vocabulary:
    """Read `tokenizer.json` and `generation_config.json` of a Whisper folder. Raises BrokenModel."""
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        facts = json.loads((folder / "generation_config.json").read_text())
    except Exception as error:  # tokenizers raises bare Exception for a file that it cannot read
        raise BrokenModel(f"{folder / 'tokenizer.json'} cannot be read: {error}. Fetch the model again.") from error
    languages = {token.strip("<|>"): number for token, number in facts.get("lang_to_id", {}).items()}
    return Vocabulary(
        tokenizer=tokenizer,
        end=_special(tokenizer, folder, "<|endoftext|>"),
        start=_special(tokenizer, folder, "<|startoftranscript|>"),
        previous=_special(tokenizer, folder, "<|startofprev|>"),
        no_speech=_special(tokenizer, folder, *_NO_SPEECH),
        no_timestamps=_special(tokenizer, folder, "<|notimestamps|>"),
        transcribe=_special(tokenizer, folder, "<|transcribe|>"),
        translate=_special(tokenizer, folder, "<|translate|>"),
        languages=languages if facts.get("is_multilingual", bool(languages)) else {},
        suppressed=tuple(facts.get("suppress_tokens") or ()),
        suppressed_first=tuple(facts.get("begin_suppress_tokens") or ()),
    )


def _special(tokenizer: Tokenizer, folder: Path, *spellings: str) -> int:
    for spelling in spellings:
        number = tokenizer.token_to_id(spelling)
        if number is not None:
            return int(number)
    raise BrokenModel(f"{folder / 'tokenizer.json'} has no token {spellings[0]}. Use the tokenizer of a Whisper.")
