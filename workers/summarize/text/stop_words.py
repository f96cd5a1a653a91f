"""Words that say little by themselves, by language."""

from __future__ import annotations

from functools import lru_cache

import stopwordsiso

from schema.core.wire import ENGLISH

_STOP = """
a about after again all also am an and any anyone anything are aren't as at be because been before being but by can
can't could did didn't do does doesn't doing don't down during each else even for from get go going gonna got had has
have he her here him his how i i'd i'll i'm i've if in into is isn't it it's its just kind know let let's like lot
made make many may maybe me might mine more most much must my no nor not now of off ok okay on once one only onto or
other our out over own perhaps please quite rather really right said same say see shall she should so some something
sort such sure than thank thanks that that's the their them then there there's these they they're thing things think
this those though through to too um uh under until up upon us very want was way we we'd we'll we're we've well were
what what's when where whether which while who whom why will with within without won't would yeah yep yes yet you
you'd you'll you're you've your hmm mm oh ah er hello hi hey mm-hmm uh-huh everyone everybody
"""

STOP_WORDS = frozenset(_STOP.split())
"""Stop words of spoken English, including words of agreement and hesitation."""
_SAME_LIST = {"yue": "zh", "nn": "no"}


@lru_cache(maxsize=8)
def stop_words(language: str) -> frozenset[str]:
    """The stop words of *language* in lower case; none for a language without a list."""
    if language == ENGLISH:
        return STOP_WORDS
    code = _SAME_LIST.get(language, language)
    return frozenset(stopwordsiso.stopwords(code)) if stopwordsiso.has_lang(code) else frozenset()
