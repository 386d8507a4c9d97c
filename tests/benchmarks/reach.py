"""Reach among a million cases: taking the next one, reading a brief and deciding, on the server.

`python -m tests.benchmarks reach` runs this alone. It seeds its database with 1,000,000 interactions, of which 100,000 wait, and a precedent
for each decided one; then it measures requests as a browser makes them, counts their queries, and explains each query to
find one that reads a large table without an index. django-helpdesk does the like on as many tickets, in the same run.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.benchmarks import peer
from tests.benchmarks.row import at_least, at_most

ALL, WAITING, ROUNDS = 1_000_000, 100_000, 200
EACH = ("take next", "brief", "decide")
REQUESTS = (
    "the request that takes and shows the next",
    "the request that decides, takes and shows the next",
    "queue list",
)
LARGE = 10_000  # rows of a table that no query may read whole


PEER = {"queue list": "list", "brief": "open", "the request that decides, takes and shows the next": "close"}


def rows(environment: dict[str, str], waiting: int = WAITING, total: int = ALL) -> list[dict[str, Any]]:
    from apps.interactions.demo import demo_partner
    from apps.policies.models import Partner
    from tests import factories
    from tests.benchmarks import seeding

    partner = demo_partner("bench", "Bench")
    Partner.objects.update(blind_percent=0)
    seeding.seed(partner, waiting=waiting, total=total)
    user = factories.senior(remit={"amount_per_day": 10_000_000})
    client = Client(headers={"HX-Request": "true"}, SERVER_NAME="localhost")
    client.force_login(user)
    measured = _measure(client, user)
    found = []
    for name, (seconds, queries) in measured.items():
        label = f"Reach, {name}: p95 of {len(seconds)} on the server, {total:,} cases, {waiting:,} waiting"
        found.append(at_most(f"{label}, {max(queries)} queries", _p95(seconds), "ms", 60, digits=1))
        if name in EACH:
            found.append(at_most(f"Reach, {name}: queries", max(queries), "queries", 12))
    found.append(at_most("Reach, queries that read a large table whole", len(_WHOLE), "queries", 0))
    for sql in sorted(_WHOLE):
        print("reads a table whole:", sql[:400])
    return found + _beside_peer(measured, peer.measured(environment, total=total, waiting=waiting, rounds=ROUNDS))


def _beside_peer(
    ours: dict[str, tuple[list[float], list[int]]], theirs: dict[str, list[float]]
) -> list[dict[str, Any]]:
    mine = sum(_p95(ours[name][0]) for name in ("queue list", *REQUESTS[:2]))
    other = sum(map(_p95, theirs.values()))
    found = [
        at_least(f"Reach, one case from the list to its end: times as fast as {peer.NAME} ({mine:.0f} ms against {other:.0f} ms)",
                 other / mine, "×", 3, digits=1, peer=peer.NAME, peer_value=other, ratio=other / mine),
    ]  # fmt: skip
    for name, act in PEER.items():
        mine, other = _p95(ours[name][0]), _p95(theirs[act])
        label = f"Reach, {name}: times as fast as {peer.NAME}'s {act} (p95 {mine:.1f} ms against {other:.1f} ms)"
        found.append(
            at_least(label, other / mine, "×", 3, digits=1, peer=peer.NAME, peer_value=other, ratio=other / mine)
        )
    return found


def _p95(seconds: list[float]) -> float:
    """In milliseconds."""
    return sorted(seconds)[int(len(seconds) * 0.95)] * 1000


_WHOLE: set[str] = set()


def _measure(client: Client, user: User) -> dict[str, tuple[list[float], list[int]]]:
    from apps.interactions import claiming, deciding
    from apps.interactions.choosing import Choice

    found: dict[str, tuple[list[float], list[int]]] = {name: ([], []) for name in (*EACH, *REQUESTS)}

    def timed(name: str, act: Callable[[], Any], warm: bool) -> Any:
        """Queries are counted and explained in the first rounds and times taken in the others: to keep a query's text
        takes time too."""
        if warm:
            with CaptureQueriesContext(connection) as caught:
                answer = act()
            found[name][1].append(
                len([query for query in caught if not query["sql"].startswith(("SAVE", "RELEASE", "BEGIN", "COMMIT"))])
            )
            _explain(caught)
            return answer
        started = time.perf_counter()
        answer = act()
        found[name][0].append(time.perf_counter() - started)
        return answer

    def requested(name: str, request: Callable[[], Any], warm: bool) -> None:
        answer = timed(name, request, warm)
        assert answer.status_code == 200, (name, answer.status_code, answer.content[:500])

    for number in range(ROUNDS + 10):
        warm = number < 10 or number % 50 == 0
        me = User.objects.select_related("remit").get(pk=user.pk)  # as a request has them
        held = timed("take next", lambda me=me: claiming.take_next(me), warm)
        packet = held.interaction.packets.get(state="ready")
        requested("brief", lambda held=held: client.get(f"/reach/{held.pk}/"), warm)
        choice = Choice(packet.version, held.lease_token)
        timed("decide", lambda me=me, held=held, choice=choice: deciding.decide(me, held.pk, choice), warm)
        requested("the request that takes and shows the next", lambda: client.post("/reach/next/", {"view": ""}), warm)
        held = claiming.held_by(user)
        assert held is not None
        packet = held.interaction.packets.get(state="ready")
        data = {"packet_version": packet.version, "lease_token": held.lease_token, "option": 0, "view": ""}
        requested(
            "the request that decides, takes and shows the next",
            lambda held=held, data=data: client.post(f"/reach/{held.pk}/decide/", data),
            warm,
        )
        if number % 4 == 0:
            requested("queue list", lambda: client.get("/reach/list/"), warm)
        claiming.release_others(user, keep=held.pk)  # so that the next round takes a case anew
    return found


def _explain(caught: CaptureQueriesContext) -> None:
    """Every SELECT once, by its text without values: does its plan read a large table from end to end?"""
    large = _large_tables()
    for query in caught:
        sql = query["sql"]
        shape = sql.split("WHERE")[0] + str(len(sql) // 50)
        if not sql.lstrip("(").startswith("SELECT") or shape in _EXPLAINED:
            continue
        _EXPLAINED.add(shape)
        with connection.cursor() as cursor, transaction.atomic():
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}")
            plan = cursor.fetchone()[0]
        for table in _read_whole(json.loads(plan) if isinstance(plan, str) else plan):
            if table in large:
                _WHOLE.add(f"{table}: {sql}")


_EXPLAINED: set[str] = set()


def _large_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [LARGE])
        return {name for (name,) in cursor.fetchall()}


def _read_whole(node: Any) -> list[str]:
    if isinstance(node, list):
        return [table for part in node for table in _read_whole(part)]
    if not isinstance(node, dict):
        return []
    here = [node["Relation Name"]] if node.get("Node Type") == "Seq Scan" else []
    return here + [table for part in node.values() if isinstance(part, list | dict) for table in _read_whole(part)]
