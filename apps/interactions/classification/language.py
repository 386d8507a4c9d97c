"""Which language a message is written in: the classifier was measured on English only, and reads nothing else.

Most of a short English message is words that the classifier was trained on, typing mistakes aside; only the others
are asked about, since n-gram detectors take "track parcel" for almost anything.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from lingua import Language, LanguageDetector, LanguageDetectorBuilder

MEASURED = frozenset({"en"})
_ASKED = (
    Language.ARABIC, Language.BOKMAL, Language.BULGARIAN, Language.CHINESE, Language.CROATIAN, Language.CZECH,
    Language.DANISH, Language.DUTCH, Language.ENGLISH, Language.FINNISH, Language.FRENCH, Language.GERMAN, Language.GREEK,
    Language.HEBREW, Language.HINDI, Language.HUNGARIAN, Language.INDONESIAN, Language.ITALIAN, Language.JAPANESE,
    Language.KOREAN, Language.PERSIAN, Language.POLISH, Language.PORTUGUESE, Language.ROMANIAN, Language.RUSSIAN,
    Language.SLOVAK, Language.SPANISH, Language.SWEDISH, Language.THAI, Language.TURKISH, Language.UKRAINIAN,
    Language.URDU, Language.VIETNAMESE,
)  # fmt: skip
NAMES = {language.iso_code_639_1.name.lower(): language.name.capitalize() for language in _ASKED}


def in_words(codes: Sequence[str]) -> str:
    """ "English and Dutch"; a code that has no name here stays as it is."""
    names = [NAMES.get(code, code) for code in codes]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


# Words that hardly stand in another language: in a short message one of them says more than all n-grams.
_TELLING = {
    "de": "ich ist nicht meine mein meinen wann bitte und wo habe noch eine einen zurück bestellung paket geld danke",
    "fr": "je est où mon ma mes ne pas quand votre vous bonjour merci commande colis une avec pour remboursement",
    "es": "dónde donde mi mis está cuándo quiero pedido hola gracias el los por favor llega paquete devolver",
    "it": "è il mio mia dove quando voglio ordine grazie ciao non ho pacco rimborso arrivato spedizione",
    "pt": "onde está meu minha quando quero pedido olá obrigado obrigada não encomenda reembolso chegou",
    "nl": "ik is mijn waar wanneer bestelling het een niet heb graag geld pakket bedankt hallo retour terug",
    "pl": "gdzie jest moja moje kiedy chcę nie zamówienie paczka proszę dziękuję dzień dobry zwrot",
    "sv": "jag är mitt min när var inte beställning paket hej tack vill",
    "da": "jeg er min mit hvor hvornår ikke bestilling pakke hej tak vil gerne",
}
_TELLING_WORDS = {language: frozenset(words.split()) for language, words in _TELLING.items()}

_MOSTLY = 0.5  # from this share of known English words on, nothing else is asked
_A_FEW = 4
_ENOUGH_TELLING = 3
_HARDLY = 0.15  # under this probability of English it is another language
_WORD = re.compile(r"[^\W\d_]{2,}")


def words_of(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def language_of(text: str, english: frozenset[str]) -> str:
    """The ISO 639-1 code of the language; `english` are words that count as English. Text without words is English:
    order numbers and emoji are in no language."""
    words = words_of(text)
    told = {language: len(telling.intersection(words)) for language, telling in _TELLING_WORDS.items()}
    surest = max(told, key=lambda language: told[language])
    if told[surest] >= _ENOUGH_TELLING:
        return surest
    if not words or sum(word in english for word in words) >= _MOSTLY * len(words):
        return "en"
    if len(words) < _A_FEW and text.isascii() and not told[surest]:
        return "en"  # a misspelt word or two: n-grams know nothing of those
    likely = _detector().compute_language_confidence_values(text)
    shares = {value.language.iso_code_639_1.name.lower(): value.value for value in likely}
    if not shares or shares.get("en", 0.0) >= _HARDLY:
        return "en"
    return max(shares, key=lambda code: (told.get(code, 0), shares[code]))


@lru_cache(maxsize=1)
def _detector() -> LanguageDetector:
    """Without the larger n-grams it takes 50 MB instead of 500."""
    return LanguageDetectorBuilder.from_languages(*_ASKED).with_low_accuracy_mode().build()
