"""The examples in the prompts of a decoder-only model without an adapter."""

from __future__ import annotations

from workers.summarize.text.disfluency import fluent
from workers.summarize.text.segment import Statement

REWRITE = """\
Each line said in a meeting is rewritten as one short sentence for the minutes.

Said by Anna: So, um, the supplier raised the price of the screws by ten percent, and that's a problem for us.
Minutes: The supplier raised the price of the screws by ten percent.

Said by Ben: I have asked the printer, you know, and he says that they cannot do it before August.
Minutes: Ben asked the printer, and they cannot do it before August.

Said by Clara: Nobody has told the cleaning company yet, and our contract with them ends in May.
Minutes: Nobody has told the cleaning company yet, and the contract ends in May.

Said by David: I've talked to the landlord, and he says that the heating will be repaired next week.
Minutes: David talked to the landlord, and the heating will be repaired next week.

"""
TITLE = """\
A short title for a part of a meeting.

Part: The supplier raised the price of the screws by ten percent. We need another offer. Ben asks two other suppliers.
Title: Price of screws

Part: The heating in the office is broken. The landlord will repair it next week. Until then everyone works at home.
Title: Broken heating

Part: The contract with the cleaning company ends in May. Clara wants to look for another company.
Title: Cleaning contract

"""
PREFIXES = (REWRITE, TITLE)
"""A worker reads these prefixes once, when it starts."""

GLUE = """\
The the a an and or but of to in on at by for from with as is are was were be been has have had will not no they them
their it its that this which who because so if until before after than more also would could should can. , ' - ; said
asked told wants needs he she his her team meeting"""
"""Words that a rewritten sentence may use even if nobody said them."""


def rewrite_prompt(statement: Statement) -> str:
    return f"Said by {statement.speaker or 'somebody'}: {fluent(statement.text)}\nMinutes:"


def title_prompt(sentences: list[str]) -> str:
    return f"Part: {' '.join(sentences)}\nTitle:"
