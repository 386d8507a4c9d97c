"""The column store: copies rulings into arrays, and reads the arrays that a replay needs.

    build(now)            copy whole chunks of rulings that are not copied yet
    batches(period, …)    the rulings of a period, chunk by chunk, then the few that no chunk holds yet

Each array is one row of `RulingColumn`, so that a replay loads only the facts that its policies ask about.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
from django.db import connection, transaction
from psycopg import Cursor
from psycopg.types.json import Jsonb

from apps.policies import stored_rulings
from apps.policies.batch import Array, Batch
from apps.policies.models import RulingChunk

CHUNK = 50_000
SETTLED_AFTER = timedelta(minutes=10)  # ids are given before the commit: younger gaps may still fill up


def build(now: datetime, *, most: int = 1) -> int:
    """Copy at most so many chunks of rulings that are old enough; returns how many were copied."""
    for made in range(most):
        last = RulingChunk.objects.order_by("-last_id").values_list("last_id", flat=True).first() or 0
        arrays = stored_rulings.read(after=last, until=now - SETTLED_AFTER, limit=CHUNK, gapless=True)
        if not arrays or len(arrays["id"].data) < CHUNK:
            return made
        _write_chunk(arrays)
    return most


def _write_chunk(arrays: Mapping[str, Array]) -> None:
    ids, at = arrays["id"].data, arrays["at"].data
    with transaction.atomic():
        chunk, made = RulingChunk.objects.get_or_create(
            first_id=int(ids[0]),
            defaults={"last_id": int(ids[-1]), "count": len(ids), "from_at": _moment(at.min()), "to_at": _moment(at.max())},
        )  # fmt: skip
        if made:
            _write_columns(chunk.pk, arrays)


def _write_columns(chunk_id: int, arrays: Mapping[str, Array]) -> None:
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:
        copying = "COPY policies_rulingcolumn (chunk_id, name, dtype, words, data) FROM STDIN (FORMAT BINARY)"
        with cursor.copy(copying) as copy:
            copy.set_types(["int8", "varchar", "varchar", "jsonb", "bytea"])
            for name, array in arrays.items():
                copy.write_row((chunk_id, name, array.data.dtype.str, Jsonb(list(array.words)), array.data.tobytes()))


def _moment(seconds: Any) -> datetime:
    return datetime.fromtimestamp(float(seconds), UTC)


def batches(
    since: datetime, until: datetime, facts: Sequence[str], partner_ids: Sequence[int] | None
) -> Iterator[Batch]:
    """The rulings from `since` to before `until` with these facts: whole chunks from the store, the rest from the log."""
    wanted = [*stored_rulings.ALWAYS, *(f"{part} {name}" for name in facts for part in ("fact", "known", "currency"))]
    chunks = list(RulingChunk.objects.order_by("first_id"))  # once: what is copied while we read comes from the log
    last = chunks[-1].last_id if chunks else 0
    for chunk in chunks:
        if chunk.from_at < until and chunk.to_at >= since:
            yield from _of_period(_load(chunk.pk, wanted), since, until, partner_ids)
    while arrays := stored_rulings.read(after=last, until=until, limit=CHUNK):
        last = int(arrays["id"].data[-1])
        yield from _of_period(Batch(arrays), since, until, partner_ids)


def _of_period(batch: Batch, since: datetime, until: datetime, partner_ids: Sequence[int] | None) -> Iterator[Batch]:
    rows = (batch["at"] >= since.timestamp()) & (batch["at"] < until.timestamp())
    if partner_ids is not None:
        rows &= np.isin(batch["partner"], list(partner_ids))
    if rows.all():
        yield batch
    elif rows.any():
        yield batch.take(np.nonzero(rows)[0])


def _load(chunk_id: int, names: Sequence[str]) -> Batch:
    connection.ensure_connection()
    with Cursor(connection.connection) as cursor:  # not Django's own: arrays are read in binary
        cursor.execute(
            "SELECT name, dtype, words::text, data FROM policies_rulingcolumn WHERE chunk_id = %s AND name = ANY(%s)",
            [chunk_id, list(names)],
            binary=True,
        )
        return Batch(
            {name: Array(np.frombuffer(data, dtype), tuple(orjson.loads(words))) for name, dtype, words, data in cursor}
        )
