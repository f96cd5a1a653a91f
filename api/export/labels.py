"""The words that exports add to a meeting, in the languages that they are translated into."""

from __future__ import annotations

from dataclasses import dataclass

from schema.core.wire import ENGLISH
from schema.meetings.wire import MeetingOut, MinutesOut


@dataclass(frozen=True, slots=True)
class Labels:
    """Headings and notes of one language.

    `{}` in a label stands for a value: `before` what an item said, `back` a time, `part` version and time,
    `untranslated` the code of a language.
    """

    overview: str = "Overview"
    decisions: str = "Decisions"
    actions: str = "Actions"
    questions: str = "Open questions"
    typed_notes: str = "Typed notes"
    withdrawn: str = "Withdrawn"
    minutes: str = "Minutes"
    version: str = "version {}"
    part: str = "Minutes so far (version {}, through {})"
    transcript: str = "Transcript"
    meeting: str = "Meeting {}"
    audio: str = "Audio"
    nobody: str = "nobody named"
    no_time: str = "no time"
    due: str = "due: {}"
    done: str = "done"
    before: str = "before: {}"
    back: str = "taken back at {}"
    unsupported: str = "[unsupported]"
    off_record: str = "[off the record]"
    untranslated: str = (
        "These minutes were asked for in another language ({}). The writer here cannot translate, so what it wrote is "
        "in the language of the meeting."
    )


IN_ENGLISH = Labels()
LABELS = {
    ENGLISH: IN_ENGLISH,
    "de": Labels(
        overview="Überblick",
        decisions="Beschlüsse",
        actions="Aufgaben",
        questions="Offene Fragen",
        typed_notes="Eigene Notizen",
        withdrawn="Zurückgenommen",
        minutes="Protokoll",
        version="Version {}",
        part="Protokoll bisher (Version {}, bis {})",
        transcript="Mitschrift",
        meeting="Besprechung {}",
        audio="Ton",
        nobody="niemand genannt",
        no_time="kein Termin",
        due="bis: {}",
        done="erledigt",
        before="vorher: {}",
        back="zurückgenommen um {}",
        unsupported="[nicht belegt]",
        off_record="[nicht fürs Protokoll]",
        untranslated=(
            "Dieses Protokoll wurde in einer anderen Sprache verlangt ({}). Das Modell hier kann nicht übersetzen, "
            "deshalb steht sein Text in der Sprache der Besprechung."
        ),
    ),
    "fr": Labels(
        overview="Résumé",
        decisions="Décisions",
        actions="Actions",
        questions="Questions ouvertes",
        typed_notes="Notes personnelles",
        withdrawn="Retiré",
        minutes="Compte rendu",
        version="version {}",
        part="Compte rendu provisoire (version {}, jusqu'à {})",
        transcript="Transcription",
        meeting="Réunion {}",
        audio="Audio",
        nobody="non attribué",
        no_time="sans date",
        due="échéance : {}",
        done="fait",
        before="avant : {}",
        back="retiré à {}",
        unsupported="[non étayé]",
        off_record="[hors procès-verbal]",
        untranslated=(
            "Ce compte rendu a été demandé dans une autre langue ({}). Le modèle utilisé ne sait pas traduire ; son "
            "texte est donc dans la langue de la réunion."
        ),
    ),
    "es": Labels(
        overview="Resumen",
        decisions="Decisiones",
        actions="Tareas",
        questions="Preguntas abiertas",
        typed_notes="Notas personales",
        withdrawn="Retirado",
        minutes="Acta",
        version="versión {}",
        part="Acta hasta ahora (versión {}, hasta {})",
        transcript="Transcripción",
        meeting="Reunión {}",
        audio="Audio",
        nobody="sin asignar",
        no_time="sin fecha",
        due="plazo: {}",
        done="hecho",
        before="antes: {}",
        back="retirado en {}",
        unsupported="[sin respaldo]",
        off_record="[no consta en acta]",
        untranslated=(
            "Esta acta se pidió en otro idioma ({}). El modelo que la escribe no sabe traducir, así que su texto está "
            "en el idioma de la reunión."
        ),
    ),
}


def labels_of(meeting: MeetingOut, minutes: MinutesOut | None = None) -> Labels:
    """The labels in the language of *minutes*, else in that of *meeting*, else in English."""
    written = None if minutes is None else minutes.minutes.language
    return LABELS.get(written or meeting.language, IN_ENGLISH)
