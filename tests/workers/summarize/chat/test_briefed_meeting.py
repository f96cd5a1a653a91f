"""What people say about a meeting reaches the chat model that writes its minutes, and the minutes in the database."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from schema.core.states import SummaryKind
from schema.meetings.tables import Meeting, Summary
from schema.minutes.briefing import Briefing
from schema.minutes.minutes import MINUTES, Minutes
from schema.typed_notes.notes import add_typed_note
from tests.workers.sample_transcript import commit_turns, end_meeting
from tests.workers.summarize.chat.test_writer import Answers, change
from tests.workers.worker_rig import WorkerRig

BRIEFING = Briefing(participants=["Priya Sharma"], agenda=["Server outage"], minutes_language="de", template="stand-up")
TURNS = (
    (8.0, "Pria is writing the parser for the bank."),
    (16.0, "The test server has been down since Monday."),
    (24.0, "Off the record, Tom looks for another job."),
    (40.0, "Back on the record, we order a new server for 900 euros."),
)


def answer(*changes: dict[str, Any]) -> str:
    return json.dumps({"title": "Server outage", "changes": [{"section": None, **each} for each in changes]})


def summarised(rig: WorkerRig, model: Answers) -> Minutes:
    rig.open_meeting()
    with rig.database.write() as session:
        session.get_one(Meeting, "m").brief(BRIEFING)
        add_typed_note(session, "m", "Server kaputt", 0, "Mia", "local")
    commit_turns(rig, TURNS)
    end_meeting(rig)
    rig.summarizer(None, chat=model).run("m")
    with rig.database.read() as session:
        [final] = session.scalars(select(Summary).where(Summary.kind == SummaryKind.FINAL))
        return MINUTES.validate_python(final.body)


def test_minutes_follow_template_language_and_names_and_know_nothing_of_what_is_off_the_record(rig: WorkerRig) -> None:
    point = {"kind": "point", "owner": None, "due": None}
    model = Answers(
        answer(
            change(**point, text="Pria schreibt den Parser.", lines=[1], section="In progress"),
            change(**point, text="Der Testserver ist seit Montag aus.", lines=[2], section="Blocked"),
            change(kind="decision", text="Es wird ein Server für 900 Euro bestellt.", owner=None, due=None, lines=[3]),
        )
    )
    final = summarised(rig, model)
    [[rules, shown]] = model.asked
    assert "in German" in rules.content
    assert "  - Blocked: " in rules.content
    assert "Priya is writing the parser" in shown.content
    assert "Server kaputt" in shown.content
    assert "another job" not in shown.content
    assert (final.language, final.wanted_language) == ("de", None)
    assert {each.heading: [sentence.text for sentence in each.sentences] for each in final.sections} == {
        "Erledigt": [],
        "In Arbeit": ["Priya schreibt den Parser."],
        "Blockiert": ["Der Testserver ist seit Montag aus."],
        "Als Nächstes": [],
    }
    assert [(each.text, each.supported) for each in final.decisions] == [
        ("Es wird ein Server für 900 Euro bestellt.", True)
    ]
    assert [chapter.title for chapter in final.chapters] == ["Server outage"]
