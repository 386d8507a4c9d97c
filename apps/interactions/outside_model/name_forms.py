"""Finding names of people in what a customer wrote: by the words around them, and by two capitals in a row."""

import re
from collections.abc import Callable

_WORD = r"[^\W\d_][^\W\d_'’-]{0,30}(?:['’-][^\W\d_]{1,30})?"
_CUES = re.compile(
    rf"(\b(?:my name is|my name's|name\s?:|i am called|this is|it's|i'm|i am|signed (?:for )?by|signed|dear|hi|hello|mr|mrs|ms"
    rf"|miss|dr|(?:my )?(?:neighbou?r|husband|wife|partner|son|daughter|mother|father|friend|colleague|sister|brother)"
    rf"|(?:spoke|talked|speaking|chatted) (?:to|with)|agent|called|regards,?|sincerely,?|cheers,?|thanks,?|thank you,?"
    rf"|yours,?|best,?|love,?)\.?[ \n]{{1,3}})({_WORD}(?: {_WORD}){{0,2}})",
    re.I,
)
_ALWAYS_A_NAME = ("my name is", "my name's", "name:", "name :", "i am called")
_CAPITALS = re.compile(r"\b[A-Z][^\W\d_A-Z][^\W\d_'’-]*(?:[ -](?:(?:van|von|de|der|den|la|le|du|da|di|el|al|bin|ter) ){0,2}"
                       r"[A-Z][^\W\d_]*(?:['’-][A-Z]?[^\W\d_]+)?){1,3}")  # fmt: skip

# Words that begin sentences or stand in titles, and are no names.
_COMMON_WORDS = """
    a about after again all also am an and another any are as ask at back be because been before black blue but by
    can card check come could customer day days dear delivered delivery did do does don done email even every express
    few first for friday from get gift give go good got great green had has have he hello help her here hey hi his how
    however i if in is it item its just kind know large last let like look love medium money monday more my need never
    new next nice no not nothing now of off ok on once one only or order other our out over package paid parcel payment
    please product question quick red refund regards return same saturday second see send sent service set she shipping
    should since size small so some sorry still store such sunday take team than thank thanks that the their them then
    there these they thing this those three thursday to today tomorrow too tracking tried tuesday two until up urgent us
    very via waiting want was we wednesday week weeks well went were what when where which while white who why will with
    would wrong yes yesterday yet you your yours sincerely best cheers"""
_COMMON = frozenset(_COMMON_WORDS.split())


def hide_names(text: str, place: Callable[[str], str]) -> str:
    """The text with `place(name)` for every name that is found."""

    def cued(found: re.Match[str]) -> str:
        cue, after = found[1], found[2]
        sure = " ".join(cue.lower().split()).startswith(_ALWAYS_A_NAME)
        words = after.split(" ")
        name: list[str] = []
        for word in words:
            if word.lower() in _COMMON or not (sure or word[0].isupper()):
                break
            name.append(word)
        if not name:
            return found[0]
        rest = words[len(name) :]
        return cue + " ".join([place(" ".join(name)), *rest])

    def capitals(found: re.Match[str]) -> str:
        words = found[0].split(" ")
        start, end = 0, len(words)
        while start < end and words[start].lower() in _COMMON:
            start += 1
        while end > start and words[end - 1].lower() in _COMMON:
            end -= 1
        if end - start < 2:
            return found[0]
        return " ".join([*words[:start], place(" ".join(words[start:end])), *words[end:]])

    return _CAPITALS.sub(capitals, _CUES.sub(cued, text))
