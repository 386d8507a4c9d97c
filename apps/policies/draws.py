"""Draws: who is judged blind, audited or let go through, as a number that nobody outside can foretell or move.

A keyed hash of what is drawn for and of what: the same whenever it is asked, so that a draw can be checked afterwards,
and independent between purposes.

    place_of(key, purpose, subject)    pure
    place(purpose, subject)            with the key of this installation
"""

import hashlib

from django.conf import settings

_WHOLE = 2**64


def place_of(key: bytes, purpose: str, subject: str) -> float:
    """From 0 up to 1, evenly spread over subjects. `key` is secret."""
    text = f"{purpose}:{subject}".encode()
    return int.from_bytes(hashlib.blake2b(text, key=key[:64], digest_size=8).digest(), "big") / _WHOLE


def place(purpose: str, subject: str) -> float:
    return place_of(settings.SECRET_KEY.encode(), purpose, subject)
