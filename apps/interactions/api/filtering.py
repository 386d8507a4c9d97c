"""Filters and chosen fields of lists, as the query string has them. What is not known is refused by its name.

filtered(rows, request, FILTERS)   rows that fit every filter that was given
chosen(request, all_fields)        the fields that are wanted: `?fields=id,state`
"""

import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request

from apps.policies.errors import Invalid

Read = Callable[[str], Any]
"""From a text to a value; raises ValueError with what to write instead."""
_M = TypeVar("_M", bound=Model)
OF_EVERY_LIST = ("cursor", "limit", "fields")
LONGEST = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """`path` is the lookup that the value goes into."""

    path: str
    read: Read

    def described(self) -> dict[str, Any]:
        """For the schema."""
        return {"enum": self.read.values} if isinstance(self.read, OneOf) else {"type": _TYPES.get(self.read, str)}


def filtered(rows: QuerySet[_M], request: Request, filters: Mapping[str, Filter]) -> QuerySet[_M]:
    """Raises Invalid naming each filter that cannot be read; those that are not known were refused before."""
    found, errors = {}, {}
    for name, given in request.query_params.lists():
        if len(given) > 1:
            errors[name] = ["It is there more than once. Send it once."]
            continue
        if name in OF_EVERY_LIST:
            continue
        try:
            found[filters[name].path] = filters[name].read(given[0][:LONGEST])
        except ValueError as error:
            errors[name] = [str(error)]
    if errors:
        raise Invalid(errors)
    return rows.filter(**found)


def chosen(request: Request, names: Collection[str]) -> Sequence[str] | None:
    """None: all of them."""
    given = request.query_params.get("fields")
    if given is None:
        return None
    wanted = [name.strip() for name in given.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in names]
    if unknown or not wanted:
        raise Invalid(
            {"fields": [f"There is no field {', '.join(unknown) or 'here'}; choose from {', '.join(names)}."]}
        )
    return wanted


def a_uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise ValueError("Send an id as it was given.") from None


def a_time(text: str) -> datetime:
    found = parse_datetime(text)
    if found is None or found.tzinfo is None:
        raise ValueError("Send a time with its zone, like 2026-11-26T18:00:00Z.")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError("There is no such time.") from None


def a_text(text: str) -> str:
    if not text or "\x00" in text:
        raise ValueError("Send a text.")
    return text


@dataclass(frozen=True, slots=True)
class OneOf:
    values: tuple[str, ...]

    def __call__(self, text: str) -> str:
        if text not in self.values:
            raise ValueError(f"There is no “{text}”; use one of {', '.join(self.values)}.")
        return text


def one_of(values: Sequence[str]) -> OneOf:
    return OneOf(tuple(values))


_TYPES: dict[Any, Any] = {a_uuid: uuid.UUID, a_time: datetime, a_text: str}
