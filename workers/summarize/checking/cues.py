"""Words by which people refuse, agree, doubt, change their minds, and speak of themselves or to each other."""

from __future__ import annotations

import re
from enum import StrEnum


class DiscourseCue(StrEnum):
    DENIES = "denies"
    REFUSES = "refuses"
    AGREES = "agrees"
    DOUBTS = "doubts"
    TURNS = "turns"
    I = "I"  # noqa: E741 - the word itself
    YOU = "you"
    TELLS = "tells"


_CUES = {
    DiscourseCue.DENIES: {
        "en": r"not|no|never|none|nothing|nobody|without|cannot|neither|nor|\w+n['’]t",
        "de": r"nicht|nichts|nie|niemals|niemand|kein\w*|ohne|weder",
        "fr": r"pas|jamais|rien|personne|aucune?|sans|ni",
        "es": r"no|nunca|nada|nadie|ning[uú]n\w*|sin|tampoco|ni",
    },
    DiscourseCue.AGREES: {
        "en": r"yes|yeah|yep|okay|ok|sure|fine|agreed|good|great|alright|done|deal|will do",
        "de": r"ja|jo|okay|gut|klar|genau|einverstanden|abgemacht|passt|gerne?|machen wir|in ordnung|mach ich",
        "fr": r"oui|ouais|d['’]accord|ok|okay|bien|entendu|parfait|c['’]est bon|adopté|vendu|ça marche",
        "es": r"sí|vale|bueno|de acuerdo|claro|perfecto|hecho|listo|dale|está bien|venga|okey|ok",
    },
    DiscourseCue.DOUBTS: {
        "en": r"maybe|perhaps|could|might|would|if|what if|should|suppose|wonder|possibly|not sure|thinking|probably",
        "de": r"vielleicht|könnten?|könnte|würden?|würde|wenn|falls|ob|sollten|sollte|eventuell|möglicherweise|wäre",
        "fr": r"peut-être|pourrait|pourrions|pourrais|si|serait|devrait|éventuellement|voudrait|imaginons|sauf",
        "es": r"quizás?|tal vez|podría\w*|si|sería|debería\w*|a lo mejor|igual|supongo|acaso|habría",
    },
    DiscourseCue.TURNS: {
        "en": r"instead|actually|scrap|forget|changed my mind|take (?:that|it) back|after all|rather|wait|correction|"
        r"cancel\w*|withdraw\w*|drop|off the table|swap\w*|never mind|sorry|overruled|reverse\w*|leave it|i['’]ll take",
        "de": r"stattdessen|doch|lieber|vergiss|vergesst|zurück\w*|korrigier\w*|moment|entschuldigung|streich\w*|halt|"
        r"sondern|quatsch|stopp|lassen wir|übernehme|anders|tausch\w*|abgesagt|verwerfen|korrektur",
        "fr": r"plutôt|finalement|en fait|oublie\w*|pardon|retire\w*|annul\w*|au lieu|corrige\w*|laisse\w*|attend\w*|"
        r"abandonn\w*|à la place|contre-ordre|renonc\w*|non non|je reprends|échange\w*",
        "es": r"mejor|en vez|en lugar|olvid\w*|perdón|retir\w*|cancel\w*|al final|corrijo|espera|rectific\w*|"
        r"dej\w*|me equivoqué|mentira|cambi\w*|descart\w*|anul\w*|no no",
    },
    DiscourseCue.I: {
        "en": r"i|i['’](?:ll|m|d|ve)|me|my|myself",
        "de": r"ich|mir|mich|mein\w*|mach ich",
        "fr": r"je|j['’]\w+|moi|me|mon|ma|mes",
        "es": r"yo|me|mí|mi|mis|\w{2,}(?:aré|eré|iré)|hago|voy|llamo|miro|mando",
    },
    DiscourseCue.YOU: {
        "en": r"you|you['’](?:ll|re|d|ve)|your",
        "de": r"du|dich|dir|dein\w*|ihr|euch|sie|ihnen",
        "fr": r"tu|toi|te|t['’]\w+|ton|ta|tes|vous|votre|vos",
        "es": r"tú|te|ti|tu|tus|usted|ustedes|vos|os|puedes|podés",
    },
    DiscourseCue.TELLS: {
        "en": r"said|says|told|tells|apparently|they(?:['’]ve)? decided|heard|wants?|according|email\w*|corporate",
        "de": r"sagt\w*|gesagt|angeblich|meint\w*|hat beschlossen|haben beschlossen|gehört|laut|will|wollen|soll",
        "fr": r"dit|disent|disait|paraît|selon|d['’]après|a décidé|ont décidé|veut|veulent|annoncé|il paraît",
        "es": r"dice\w*|dijo|dijeron|según|parece|ha decidido|han decidido|decidió|quiere\w*|contó|por lo visto",
    },
}
_REFUSES_AT_START = re.compile(
    r"\W*(?:(?:oh|ah|well|na|bah|uy|ay|euh|äh|ähm|um|uh)\W+)*(?:no|nope|nein|nee|nö|non)\b", re.I
)
_ALL = {
    cue: {code: re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.I) for code, words in languages.items()}
    for cue, languages in _CUES.items()
}
CUES = tuple(DiscourseCue)


def cues(text: str, language: str) -> tuple[bool, ...]:
    """For each of CUES whether *text* has it. In other languages than English, German, French and Spanish only
    refusals that begin with a word of these are known.
    """
    return tuple(_has(cue, text, language) for cue in CUES)


def speaks_of_self(text: str, language: str) -> bool:
    """Whether *text* has a word such as `I` or `my`."""
    return _has(DiscourseCue.I, text, language)


def _has(cue: DiscourseCue, text: str, language: str) -> bool:
    if cue is DiscourseCue.REFUSES:
        return _REFUSES_AT_START.match(text) is not None
    pattern = _ALL[cue].get(language)
    return pattern is not None and pattern.search(text) is not None
