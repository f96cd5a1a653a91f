"""The words that a note may be written in: those of its window, and those in which people report on any meeting.

So a model that learnt from meetings about one product brings none of that product's words into others.
"""

from __future__ import annotations

from workers.summarize.text.words import words
from workers.summarize.writing.note_format import Kind
from workers.summarize.writing.prompts import GLUE

_REPORTED = """\
group members participants meeting discussion presentation ideas issues problems options features requirements results
research work task project current new different other another each both some several two first next final main
discussed presented decided suggested introduced instructed explained described agreed opened closed gave given made
make found felt used use using uses include includes including included needed need should must may when what
which how about between during before instead however since also only one over out up too being having such own
possible necessary further finally yet still regarding their they it its there these those"""


def vocabulary(text: str) -> str:
    """Every word of a note of *text*, as it may stand inside a line and at the beginning of one."""
    common = f"{GLUE} {_REPORTED}"
    starts = {word[0].upper() + word[1:] for word in (*words(text), *words(common))}
    marks = [f"{kind}: " for kind in Kind if kind]
    return "\n".join([f"{common} {text}", *sorted(starts), *marks, ""])
