"""How a brand's replies speak: greeting, sign-off, formality, words to avoid, and the languages it answers in."""

import re
import string
from collections.abc import Sequence

from django.core.exceptions import ValidationError
from django.db import models


def valid_voice(text: str) -> None:
    try:
        names = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ValidationError(f"This cannot be read: {error}.") from None
    if names - {"name", "brand"}:
        raise ValidationError("Use {name} for the customer and {brand} for the brand, and no other braces.")


def better_words(lines: Sequence[str]) -> dict[str, str]:
    """Each word to avoid, in small letters, and the one to write for it; empty for none."""
    pairs = (line.partition(":") for line in lines)
    return {word.strip().lower(): better.strip() for word, _, better in pairs if word.strip()}


def valid_words_to_avoid(lines: object) -> None:
    if not isinstance(lines, list) or len(lines) > 100 or not all(isinstance(line, str) for line in lines):
        raise ValidationError("Write a list of at most 100 words, each like “unfortunately” or “parcel: package”.")
    if any(not line.partition(":")[0].strip() for line in lines):
        raise ValidationError("Each line starts with the word to avoid.")
    for word, better in better_words(lines).items():
        if len(word) > 60 or "{" in word + better:
            raise ValidationError("A word to avoid has at most 60 characters and no braces.")
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", better, re.IGNORECASE):
            raise ValidationError(f"“{better}” has the word to avoid in it.")


def default_languages() -> list[str]:
    return ["en"]


def valid_languages(codes: object) -> None:
    if (
        not isinstance(codes, list)
        or not codes
        or not all(isinstance(c, str) and re.fullmatch("[a-z]{2}", c) for c in codes)
    ):
        raise ValidationError("Write a list of two-letter codes, like [“en”, “nl”].")


class Formality(models.TextChoices):
    NEUTRAL = "neutral", "Neutral: Hi Mira, we are on it"
    FORMAL = "formal", "Formal: the whole name"
    INFORMAL = "informal", "Informal: Hi Mira, we're on it"
