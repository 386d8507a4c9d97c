"""Secrets that have to be sent on, such as the password of a mailbox: kept encrypted, opened only where they are used.

    seal(text) → what the database holds        open_sealed(sealed) → the text

The keys are derived from `REMIT_VAULT_KEYS`, of which the first seals and all of them open, so that a key can be changed.
"""

import base64
import hashlib
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class Unreadable(Exception):
    """It was sealed with a key that is not known any more."""


def seal(text: str) -> str:
    return _vault(tuple(settings.VAULT_KEYS)).encrypt(text.encode()).decode()


def open_sealed(sealed: str) -> str:
    """Raises Unreadable, with what to do."""
    try:
        return _vault(tuple(settings.VAULT_KEYS)).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable("It was sealed with another key. Type the secret again, or name that key, too.") from error


@lru_cache(maxsize=4)
def _vault(keys: tuple[str, ...]) -> MultiFernet:
    derived = [hashlib.sha256(b"remit vault " + key.encode()).digest() for key in keys]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(one)) for one in derived])
