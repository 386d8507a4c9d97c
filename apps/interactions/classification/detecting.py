"""Detecting alarms in many messages at once: by the lists, and by the model for what is said in other words."""

from collections.abc import Mapping, Sequence

from apps.interactions.classification import alarms
from apps.interactions.classification.training import normalised, trained


def alarms_of(texts: Sequence[str], brands_own: Sequence[Mapping[str, Sequence[str]]]) -> list[dict[str, str]]:
    """The alarms of each text with the words that set each off; none when the model found it. `brands_own` are the words of
    each text's brand, by alarm."""
    if not texts:
        return []
    found = [alarms.phrases_in(text, own) for text, own in zip(texts, brands_own, strict=True)]
    models, plain = trained(), [normalised(text) for text in texts]
    alarming = models.alarm.predict_proba(plain)[:, 1] >= models.alarming_from
    asked = [place for place, yes in enumerate(alarming) if yes and texts[place].strip()]
    if asked:
        named = models.which_alarm.predict([plain[place] for place in asked])
        for place, name in zip(asked, named, strict=True):
            found[place].setdefault(str(name), "")
    return found
