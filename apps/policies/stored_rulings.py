"""Stored rulings as arrays: what each ruling said and knew, read from the log in bulk.

Arrays, one number a ruling: `id`, `at` (seconds since 1970), `partner`, `case type`, `action` (places in the closed
lists), `amount` (cents), `amount known`, `amount currency`, `discloses`, `strictness` (what the gate said), `rule`,
`refused by`, `version`, `handler` (in the end) and `kept no` (places in Handler), `confidence` (thousandths),
`customer`, `address`, `payment`, `vocabulary`, and for each fact `fact …`, `known …` and for money `currency …`. Where
the number is a code, `words` says what it stands for.

PostgreSQL gathers each column into one array, which is read as it comes over the wire: no Python object is made for
any number.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import orjson
from django.db import connection
from numpy.typing import NDArray
from psycopg import Cursor
from psycopg.adapt import Loader
from psycopg.pq import Format

from apps.policies.batch import Array
from apps.policies.columns import MOST_MEMBERS, mask_of
from apps.policies.facts import VOCABULARY, FactSpec, Kind
from apps.policies.gate import STRICTNESS
from apps.policies.words import Action, CaseType, Handler

ALWAYS = (
    "id", "at", "partner", "case type", "action", "amount", "amount known", "amount currency", "discloses", "strictness",
    "rule", "refused by", "version", "handler", "kept no", "confidence", "customer", "address", "payment", "vocabulary",
)  # fmt: skip
_UNKNOWN = -(2**31)  # no fact has this value


class _Numbers(Loader):
    """A PostgreSQL array of numbers without NULL, in binary: a header of 20 bytes, then length and value of each."""

    format = Format.BINARY
    value = "i4"

    def load(self, data: Any) -> NDArray[Any]:
        item = np.dtype([("length", ">i4"), ("value", f">{self.value}")])
        numbers: NDArray[Any] = np.frombuffer(data, item, offset=20)["value"] if len(data) > 20 else np.zeros(0, item)
        return numbers.astype(self.value)


class _Long(_Numbers):
    value = "i8"


class _Float(_Numbers):
    value = "f8"


_LOADERS = {1007: _Numbers, 1016: _Long, 1022: _Float}  # int4[], int8[], float8[] in PostgreSQL's catalogue


def read(*, after: int, until: datetime, limit: int, gapless: bool = False) -> dict[str, Array]:
    """The next rulings of the log after this id and before a moment, in the order of their ids; no arrays when there is
    none. `gapless` stops before the first id that is not before that moment, so that none is passed over for good."""
    columns = [*_ROW, *(column for spec in VOCABULARY.values() for column in _columns_of(spec))]
    gathered = ", ".join(f"array_agg({column})" for column in columns)  # in the order of the rows, which is by id
    record = ", ".join(column for spec in VOCABULARY.values() for column in _record_of(spec))
    stop = "(SELECT min(id) FROM policies_ruling WHERE id > %s AND at >= %s)" if gapless else "NULL"
    ended = f"id < coalesce({stop}, 9223372036854775807)"
    chosen = f"SELECT * FROM policies_ruling WHERE id > %s AND at < %s AND {ended} ORDER BY id LIMIT %s"
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:  # not Django's own: arrays are read in binary
        for oid, loader in _LOADERS.items():
            cursor.adapters.register_loader(oid, loader)
        query = f"SELECT {gathered} FROM ({chosen}) r, jsonb_to_record(r.used) AS f({record})"
        asked = [after, until, *([after, until] if gapless else []), limit]
        found = cursor.execute(query, asked, binary=True).fetchone()
    if found is None or found[0] is None:
        return {}
    assert (np.diff(found[0]) > 0).all(), "rows are gathered in the order of their ids"
    row, facts = found[: len(_ROW)], iter(found[len(_ROW) :])
    arrays = _row_arrays(dict(zip(_ROW.values(), row, strict=True)))
    for spec in VOCABULARY.values():
        arrays |= _fact_arrays(spec, [next(facts) for _ in _columns_of(spec)])
    return arrays


def _listed(column: str, words: Sequence[str]) -> str:
    """The place of a word in a closed list, from 0; -1 for a word that is not in it, or NULL."""
    listed = ", ".join(f"'{word}'" for word in words)
    return f"coalesce(array_position(ARRAY[{listed}]::text[], {column}), 0) - 1"


_PAIRS = tuple(f"{handler} {seniority}" for handler, seniority in STRICTNESS)
_ROW = {
    "r.id": "id",
    "extract(epoch FROM r.at)::float8": "at",
    "r.partner_id::int4": "partner",
    _listed("r.case_type", CaseType.values): "case type",
    _listed("r.action", Action.values): "action",
    "coalesce((r.proposal->'amount'->>'amount')::numeric * 100, -1)::int8": "amount",
    "coalesce(r.proposal->'amount'->>'currency', '')": "amount currency",
    "(r.proposal->'discloses_order')::bool::int4": "discloses",
    _listed("r.handler", Handler.values): "handler",
    _listed("r.gate_handler || ' ' || r.gate_seniority", _PAIRS): "strictness",
    "r.rule": "rule",
    "r.refused_by": "refused by",
    "coalesce(r.version_id, 0)::int8": "version",
    "r.kept_no::int4": "kept no",
    "(r.confidence * 1000)::int4": "confidence",
    "coalesce(r.parties->>'customer', '')": "customer",
    "coalesce(r.parties->>'address', '')": "address",
    "coalesce(r.parties->>'payment', '')": "payment",
    "coalesce(r.made_with->>'vocabulary', '')": "vocabulary",
}


def _row_arrays(found: dict[str, Any]) -> dict[str, Array]:
    strictness = np.array(list(STRICTNESS.values()), np.int8)
    amounts, currencies = found["amount"], _coded(found["amount currency"])
    arrays = {name: Array(found[name]) for name in ("id", "at", "partner", "version")}
    for name in ("kept no", "confidence", "handler"):
        arrays[name] = Array(found[name].astype(np.int16))
    for name in ("rule", "refused by", "customer", "address", "payment", "vocabulary"):
        arrays[name] = _coded(found[name])
    return {
        **arrays,
        "case type": Array(found["case type"].astype(np.int16), tuple(CaseType.values)),
        "action": Array(found["action"].astype(np.int16), tuple(Action.values)),
        "amount": Array(np.maximum(amounts, 0), currencies.words),
        "amount known": Array(amounts >= 0),
        "amount currency": Array(currencies.data.astype(np.int16)),
        "discloses": Array(found["discloses"].astype(np.bool_)),
        "strictness": Array(strictness[found["strictness"]]),
    }


def _coded(values: Sequence[str]) -> Array:
    words = sorted(set(values))
    place = {word: code for code, word in enumerate(words)}
    return Array(np.fromiter((place[value] for value in values), np.int32, len(values)), tuple(words))


def _record_of(spec: FactSpec) -> tuple[str, ...]:
    """How a fact stands in `used`, for jsonb_to_record."""
    kinds = {Kind.BOOL: "bool", Kind.CHOICE: "text", Kind.SET: "jsonb", Kind.DECIMAL: "float8", Kind.MONEY: "int8"}
    column = f'"{spec.name}" {kinds.get(spec.kind, "int4")}'
    return (column, f'"{spec.name} currency" text') if spec.kind is Kind.MONEY else (column,)


def _columns_of(spec: FactSpec) -> tuple[str, ...]:
    """What is gathered of a fact: numbers with a mark where it is unknown, or words."""
    column = f'f."{spec.name}"'
    match spec.kind:
        case Kind.CHOICE:
            return (f"{_listed(column, spec.choices)}",)
        case Kind.SET:
            return (f"coalesce({column}::text, '')",)
        case Kind.MONEY:
            return f"coalesce({column}, -1)", f"""coalesce(f."{spec.name} currency", '')"""
        case Kind.DECIMAL:
            return (f"coalesce({column}, 'NaN'::float8)",)
        case Kind.BOOL:
            return (f"coalesce({column}::int4, {_UNKNOWN})",)
    return (f"coalesce({column}, {_UNKNOWN})",)


def _fact_arrays(spec: FactSpec, found: Sequence[Any]) -> dict[str, Array]:
    """The arrays of one fact; none when no ruling knew it."""
    values, known, currency = f"fact {spec.name}", f"known {spec.name}", f"currency {spec.name}"
    numbers = found[0]
    if spec.kind is Kind.SET:
        return _set_arrays(spec, numbers)
    if spec.kind is Kind.DECIMAL:
        is_known = ~np.isnan(numbers)
    elif spec.kind in (Kind.MONEY, Kind.CHOICE):
        is_known = numbers >= 0
    else:
        is_known = numbers != _UNKNOWN
    if not is_known.any():
        return {}
    if spec.kind is Kind.MONEY:
        codes = _coded(found[1])
        return {values: Array(np.where(is_known, numbers, 0), codes.words), known: Array(is_known),
                currency: Array(codes.data.astype(np.int16))}  # fmt: skip
    words = spec.choices if spec.kind is Kind.CHOICE else ()
    return {values: Array(np.where(is_known, numbers, 0).astype(numbers.dtype), words), known: Array(is_known)}


def _set_arrays(spec: FactSpec, texts: Sequence[str]) -> dict[str, Array]:
    coded = _coded(texts)
    members = [frozenset(orjson.loads(text)) if text else None for text in coded.words]
    words = tuple(sorted({member for some in members if some for member in some}))
    if len(words) > MOST_MEMBERS:
        raise ValueError(f"{spec.label} has {len(words)} different members; at most {MOST_MEMBERS} fit.")
    if all(some is None for some in members):
        return {}
    masks = np.array([mask_of(some, words) if some else 0 for some in members], np.int64)
    is_known = np.array([some is not None for some in members])
    return {f"fact {spec.name}": Array(masks[coded.data], words), f"known {spec.name}": Array(is_known[coded.data])}
