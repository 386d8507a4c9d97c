"""Which classifier reads: the one that ships, or a champion that was trained anew and adopted.

    current()            the version and the model; a champion is read from the database once a process
    packed(model)        a model as it is stored, with its signature; unpacked(row) reads it back

A stored model is code once it is unpickled, so it is signed with the installation's key, and one whose signature is not
ours is refused: then the one that ships reads.
"""

import hashlib
import hmac
import io
import logging
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import joblib
from django.conf import settings

from apps.interactions.classification.training import model_version, trained
from apps.interactions.models import ReadingModel

log = logging.getLogger(__name__)
_PURPOSE = b"remit reading model "


@dataclass(frozen=True, slots=True)
class Reader:
    """A classifier of intents; `model` gives calibrated probabilities."""

    version: str
    model: Any


def shipped() -> Reader:
    return Reader(model_version(), trained().intents)


def current() -> Reader:
    """One question to the database; the model itself is kept in memory."""
    found = ReadingModel.objects.filter(state=ReadingModel.State.CHAMPION).values_list("version", flat=True).first()
    return _champion(found) if found else shipped()


@lru_cache(maxsize=2)
def _champion(version: str) -> Reader:
    row = ReadingModel.objects.get(version=version)
    try:
        return Reader(version, unpacked(row))
    except Exception:  # whatever is wrong with it, messages have to be read
        log.exception("classifier %s cannot be used; the one that ships reads instead", version)
        return shipped()


class Unsigned(Exception):
    """A stored model that this installation did not sign, that was changed since, or that another recipe or library made."""


def packed(model: Any) -> tuple[bytes, str]:
    into = io.BytesIO()
    joblib.dump(model, into, compress=3)
    return into.getvalue(), _signature(into.getvalue())


def unpacked(row: ReadingModel) -> Any:
    """Raises Unsigned."""
    content = bytes(row.content or b"")
    if row.built_with != model_version() or not content or not hmac.compare_digest(_signature(content), row.signature):
        raise Unsigned(row.version)
    return joblib.load(io.BytesIO(content))


def _signature(content: bytes) -> str:
    return hmac.new(settings.SECRET_KEY.encode(), _PURPOSE + content, hashlib.sha256).hexdigest()
