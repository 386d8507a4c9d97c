"""A million cases, copied with SQL from one real case that went through the pipeline.

Those that wait have all their rows: packet, messages, ruling, escalation. The others are decided and resolved, each with
its decision and its precedent; precedents of the model's nearest circle are one in a hundred, of its widest all.
"""

import time

from django.db import connection

from apps.interactions import likeness, pipeline, precedents, submitting
from apps.interactions.models import Interaction
from apps.policies import audit
from apps.policies.models import Partner
from tests import factories

BASE = 10_000_000  # copies have ids from here on
_LATE = "I want to return this and get a refund, please send me a return label."


def seed(partner: Partner, *, waiting: int, total: int) -> None:
    """`total` cases of a brand, of which `waiting` wait for people."""
    model = _one_case(partner)
    decider = factories.supervisor(username="bench-decider")
    assert model.ruling is not None
    near, close, wide = likeness.circles(model.case_type, precedents.facts_of(model.ruling))
    for_all, for_waiting, for_done = (
        f"generate_series(1, {total})",
        f"generate_series(1, {waiting})",
        f"generate_series({waiting + 1}, {total})",
    )
    is_done, one = f"n > {waiting}", f"{BASE} + n"
    day = "now() - make_interval(mins => n / 3)"
    _copy(
        "interactions_customer",
        f"m.id = {model.customer_id}",
        for_waiting,
        id=one,
        external_id="'b' || n",
        email="'b' || n || '@customer.example'",
    )
    _copy("interactions_order", f"m.id = {model.order_id}", for_waiting, id=one, customer_id=one, number="'B' || n")
    _copy("policies_ruling", f"m.id = {model.ruling_id}", for_all, id=one, subject="'b' || n", at=day,
          facts=f"CASE WHEN {is_done} THEN '{{}}'::jsonb ELSE m.facts END", verdict=f"CASE WHEN {is_done} THEN '{{}}'::jsonb ELSE m.verdict END")  # fmt: skip
    _copy("interactions_interaction", f"m.id = {model.pk}", for_all, id=one, reference="gen_random_uuid()", external_id="'b' || n",
          customer_id=f"{BASE} + 1 + (n - 1) % {waiting}", order_id=f"{BASE} + 1 + (n - 1) % {waiting}", ruling_id=one,
          state=f"CASE WHEN {is_done} THEN 'closed' ELSE m.state END", received_at=day, resolved_at=f"CASE WHEN {is_done} THEN {day} END")  # fmt: skip
    _copy("interactions_message", f"m.interaction_id = {model.pk}", for_waiting, interaction_id=one)
    _copy(
        "interactions_contextpacket",
        f"m.interaction_id = {model.pk}",
        for_waiting,
        id=one,
        interaction_id=one,
        ruling_id=one,
    )
    _copy("interactions_escalation", f"m.interaction_id = {model.pk}", for_all, id=one, interaction_id=one,
          state=f"CASE WHEN {is_done} THEN 'done' ELSE 'open' END", due_at="now() + make_interval(secs => (n::bigint * 7919) % 86400)",
          flagged="n % 40 = 0", alike="md5((n / 40)::text)", harm="n % 6", closed_at=f"CASE WHEN {is_done} THEN {day} END")  # fmt: skip
    _decided(decider.pk, partner.pk, for_done)
    _precedents(for_done, partner.pk, (near.key, close.key, wide.key))
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def seed_judged(partner: Partner, total: int) -> None:
    """`total` cases of a year that five people judged unseen, each of a customer of its own: refunds up to 59 days past the
    window, which people refuse after 15 days, or 30 of gold and VIP customers, and above 200."""
    model = _one_case(partner)
    assert model.ruling is not None
    people = [factories.supervisor(username=f"bench-judge-{number}").pk for number in range(5)]
    every, one, at = f"generate_series(1, {total})", f"{BASE} + n", f"now() - make_interval(secs => n * 3e7 / {total})"
    days, tier = "(1 + n * 7919::bigint % 59)", "(ARRAY['bronze', 'silver', 'gold', 'vip'])[1 + n % 4]"
    amount = "round((500 + n * 104729::bigint % 39500) / 100.0, 2)"
    _copy(
        "interactions_customer",
        f"m.id = {model.customer_id}",
        every,
        id=one,
        external_id="'b' || n",
        email="'b' || n || '@customer.example'",
    )
    facts = f"""jsonb_set(jsonb_set(m.facts, '{{order.days_past_window,value}}', to_jsonb({days})),
                          '{{customer.tier,value}}', to_jsonb({tier}))"""
    _copy("policies_ruling", f"m.id = {model.ruling_id}", every, id=one, subject="'b' || n", at=at, facts=facts,
          proposal=f"jsonb_set(m.proposal, '{{amount,amount}}', to_jsonb({amount}::text))")  # fmt: skip
    _copy("interactions_interaction", f"m.id = {model.pk}", every, id=one, reference="gen_random_uuid()", external_id="'b' || n",
          customer_id=one, ruling_id=one, state="'closed'", received_at=at, resolved_at=at)  # fmt: skip
    _copy("interactions_contextpacket", f"m.interaction_id = {model.pk}", every, id=one, interaction_id=one, ruling_id=one,
          content=f"jsonb_set(m.content, '{{proposal,amount,amount}}', to_jsonb({amount}::text))")  # fmt: skip
    _copy("interactions_escalation", f"m.interaction_id = {model.pk}", every, id=one, interaction_id=one, state="'done'", blind="true",
          closed_at=at)  # fmt: skip
    refused = f"{days} > CASE WHEN n % 4 > 1 THEN 30 ELSE 15 END OR {amount} > 200"
    _run("interactions_judgement", f"""
        INSERT INTO interactions_judgement (escalation_id, packet_id, by_id, action, label, amount, currency, rationale, seconds, at)
        SELECT {one}, {one}, (ARRAY{people})[1 + n % 5], CASE WHEN {refused} THEN 'store_credit' ELSE 'refund' END, '', {amount}, 'USD',
            '', 50, {at} FROM {every} AS n
    """)  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def _one_case(partner: Partner) -> Interaction:
    order = factories.OrderFactory(customer=factories.CustomerFactory(partner=partner), days_ago=47)
    data = {
        "external_id": "model", "channel": "chat", "customer": order.customer.external_id, "order": order.number,
        "messages": [{"author": "customer", "text": _LATE, "sent_at": order.placed_at.isoformat()}], "sender_verified": True,
    }  # fmt: skip
    accepted = submitting.submit_interaction(partner, data, actor=audit.system("benchmark"))
    while pipeline.advance():
        pass
    case = Interaction.objects.get(pk=accepted.interaction.pk)
    assert case.state == Interaction.State.AWAITING_DECISION
    return case


def _decided(decider: int, partner: int, done: str) -> None:
    _run(
        "interactions_decisionrecord",
        f"""
        INSERT INTO interactions_decisionrecord (id, reference, partner_id, interaction_id, escalation_id, ruling_id, state, how,
            decided_by_id, action, amount, currency, lines, reply, reason_code, rationale, wrong_part, words_changed, unlike, seconds, decided_at,
            committed_at, ended_because)
        SELECT {BASE} + n, gen_random_uuid(), {partner}, {BASE} + n, {BASE} + n, {BASE} + n, 'executed', 'approved', {decider},
            CASE WHEN n % 10 = 0 THEN 'store_credit' ELSE 'refund' END, 84.50, 'USD', '[]', 'Done.', '', '', '', 0, '', 40 + n % 60,
            now() - make_interval(mins => n / 3), now() - make_interval(mins => n / 3), ''
        FROM {done} AS n
        """,
    )


def _precedents(done: str, partner: int, keys: tuple[str, str, str]) -> None:
    near, close, wide = (key.replace("'", "''").replace("%", "%%") for key in keys)
    _run(
        "interactions_precedent",
        f"""
        INSERT INTO interactions_precedent (decision_id, "case", partner_id, case_type, near, close, wide, action, amount, currency, reason, at)
        SELECT {BASE} + n, gen_random_uuid(), {partner}, 'refund_exception', CASE WHEN n % 100 = 0 THEN '{near}' ELSE 'other ' || n % 5000 END,
            CASE WHEN n % 10 = 0 THEN '{close}' ELSE 'other ' || n % 500 END, '{wide}',
            CASE WHEN n % 1000 = 0 THEN 'store_credit' ELSE 'refund' END, 84.50, 'USD', '', now() - make_interval(mins => n / 3)
        FROM {done} AS n
        """,
    )


def _copy(table: str, which: str, series: str, **changed: str) -> None:
    """Copy the rows of `which` once for each `n` of the series, with other values for some columns."""
    with connection.cursor() as cursor:
        columns = [column.name for column in connection.introspection.get_table_description(cursor, table)]
    taken = [name for name in columns if name != "id" or "id" in changed]
    values = ", ".join(changed.get(name, f"m.{name}") for name in taken)
    _run(
        table,
        f"INSERT INTO {table} ({', '.join(taken)}) SELECT {values} FROM {table} AS m, {series} AS n WHERE {which}",
    )


def _run(table: str, sql: str) -> None:
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute(sql)
        print(f"  {table}: {cursor.rowcount:,} rows in {time.monotonic() - started:.0f} s", flush=True)
