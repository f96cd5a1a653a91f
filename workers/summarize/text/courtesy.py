"""Sentences that only greet, thank, or move on to the next point, in English, German, French and Spanish."""

from __future__ import annotations

import re

_NUMBER = {
    "en": r"first|second|third|fourth|fifth|sixth|next|last|final|new",
    "de": r"erste[rns]?|zweite[rns]?|dritte[rns]?|vierte[rns]?|fünfte[rns]?|nächste[rns]?|letzte[rns]?",
    "fr": r"premier|première|deuxième|second|troisième|quatrième|cinquième|prochain|dernier|dernière",
    "es": r"primer[oa]?|segund[oa]|tercer[oa]?|cuart[oa]|quint[oa]|próxim[oa]|últim[oa]|siguiente",
}
_PHRASES = {
    "en": (
        r"(?:good )?(?:morning|afternoon|evening|night)",
        r"hi|hello|hey|welcome|bye|bye[- ]bye|goodbye|cheers|see you(?: \w+)?|take care",
        r"(?:many )?(?:thanks|thank you)(?: (?:so|very) much| a lot)?(?: for (?:\w+ ){0,3}\w+)?",
        rf"(?:{_NUMBER['en']}) (?:point|item|topic|thing|one)|point (?:one|two|three|four|five)|moving on|on we go",
        r"(?:that['’]s|that is) (?:it|all|us|everything)(?: (?:for|from) (?:\w+ )?\w+)?|anything else",
        r"any other business",
        r"shall we (?:start|begin)|let['’]s (?:start|begin|get started)|is (?:everyone|everybody) here",
    ),
    "de": (
        r"(?:guten |schönen )?(?:morgen|tag|abend)|hallo|servus|moin|tschüss?|grüß (?:gott|euch|sie|dich)|willkommen",
        r"(?:vielen |herzlichen )?dank(?:e)?(?: (?:schön|sehr))?(?: (?:für|fürs|dass) (?:\w+ ){0,3}\w+)?",
        rf"(?:{_NUMBER['de']}) (?:punkt|thema|sache)|punkt (?:eins|zwei|drei|vier|fünf)",
        r"das (?:war['’]?s|wär['’]?s|ist alles)(?: (?:von|für) (?:\w+ )?\w+)?|(?:sonst )?noch (?:was|etwas)",
        r"fangen wir an|sind alle da",
    ),
    "fr": (
        r"bonjour|bonsoir|salut|bienvenue|au revoir|bonne (?:journée|soirée)|à (?:bientôt|demain|plus)",
        r"merci(?: (?:beaucoup|bien))?(?: (?:de|d['’]|pour) ?(?:[\w'’-]+ ){0,3}[\w'’-]+)?",
        rf"(?:{_NUMBER['fr']}) (?:point|sujet|chose)|(?:point|sujet) suivant",
        r"c['’]est tout(?: pour (?:\w+ )?\w+)?|autre chose|on (?:commence|y va)|tout le monde est là",
    ),
    "es": (
        r"buen(?:os|as)? (?:días?|tardes|noches)|hola|bienvenid[oa]s?|adiós|hasta (?:luego|mañana|pronto)|chao|chau",
        r"(?:muchas )?gracias(?: por (?:\w+ ){0,3}\w+)?",
        rf"(?:{_NUMBER['es']}) (?:punto|tema|cosa)|(?:punto|tema) siguiente",
        r"eso es todo(?: (?:por|de) (?:\w+ )?\w+)?|algo más|empezamos|estamos todos",
    ),
}
_TO_WHOM = {
    "en": r"everyone|everybody|all|folks|team|guys|again|then|both|there",
    "de": r"zusammen|allerseits|alle|leute|miteinander|noch ?mal",
    "fr": r"à tous|à toutes et à tous|tout le monde|à vous|encore",
    "es": r"a todos|a todas|a tod[oa]s|equipo|otra vez|de nuevo",
}
_NAME = r"(?-i:[^\W\d_a-zß-ÿ]\w*)"
_COURTESY = {
    code: re.compile(rf"\W*(?:{'|'.join(phrases)})(?:,? (?:{_TO_WHOM[code]}|{_NAME}))?\W*", re.I)
    for code, phrases in _PHRASES.items()
}


def is_courtesy(text: str, language: str) -> bool:
    """Whether the sentence *text* says nothing that minutes could keep, as in `Good morning, everyone.`"""
    pattern = _COURTESY.get(language)
    return pattern is not None and pattern.fullmatch(text) is not None
