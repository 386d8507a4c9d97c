"""`manage.py ingest`: a bad line is named and left out, the rest goes on, and the same file again changes nothing."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.interactions.models import Customer, Interaction
from apps.policies.models import AuditEntry, Partner

NOW = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)


def line(number, text, **more):
    return {
        "external_id": f"n-{number}", "channel": "chat", "customer": "c-1", "order": "W1000001",
        "messages": [{"author": "customer", "text": text, "sent_at": NOW.isoformat()}], "sender_verified": True, **more,
    }  # fmt: skip


@pytest.fixture
def files(tmp_path):
    customers = [{"external_id": "c-1", "name": "Mira Solano", "tier": "gold"}]
    orders = [
        {
            "number": "W1000001", "customer": "c-1", "status": "delivered", "currency": "USD", "total": "20.00",
            "placed_at": (NOW - timedelta(days=9)).isoformat(), "delivered_at": (NOW - timedelta(days=2)).isoformat(),
            "lines": [{"sku": "A", "name": "Lamp", "quantity": 1, "unit_price": "20.00"}],
            "payments": [{"kind": "payment", "method": "card", "amount": "20.00"}],
        }
    ]  # fmt: skip
    inbox = [
        line(1, "Where is my order? When will it be delivered?"),
        "{broken",
        line(3, "Hello", channel="pigeon"),
        line(4, "Hello", order="W9999999"),
        line(5, "I want to file a formal complaint about your terrible service."),
    ]
    paths = {}
    for name, rows in (("customers", customers), ("orders", orders), ("inbox", inbox)):
        paths[name] = tmp_path / f"{name}.ndjson"
        paths[name].write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows) + "\n")
    return paths


def ingest(files, **more):
    out, err = StringIO(), StringIO()
    call_command("ingest", **files, partner="night", settle=True, json=True, stdout=out, stderr=err, **more)
    return json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


def test_it_makes_the_partner_reads_the_files_and_counts_what_became_of_each(db, files):
    counts, _ = ingest(files)
    assert Partner.objects.get(slug="night").connector == "simulator"
    assert counts["interactions"] == 2
    assert counts["lost"] == counts["stalled"] == 0
    assert counts["resolved"] + counts["awaiting_decision"] + counts["merged"] == 2
    assert set(counts) >= {"awaiting_customer", "dismissed", "by_type", "by_handler", "seconds"}


def test_bad_lines_are_named_with_their_reason(db, files):
    _, said = ingest(files)
    assert "inbox.ndjson line 2: no JSON" in said
    assert "inbox.ndjson line 3: channel" in said
    assert "inbox.ndjson line 4: order: There is no order “W9999999”" in said
    assert "3 lines were left out" in said


def test_the_same_files_again_change_nothing(db, files):
    first, _ = ingest(files)
    rows = list(Interaction.objects.order_by("pk").values())
    second, _ = ingest(files)
    assert {**first, "seconds": 0} == {**second, "seconds": 0}
    assert list(Interaction.objects.order_by("pk").values()) == rows


def test_the_case_is_dated_by_its_message_so_that_any_month_gives_the_same(db, files):
    ingest(files)
    case = Interaction.objects.get(external_id="n-1")
    assert case.received_at == NOW
    assert case.ruling.facts["order.days_since_delivery"]["value"] == 2


def test_a_file_that_is_not_there_says_so(db, files, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        ingest({**files, "inbox": tmp_path / "none.ndjson"})


def test_a_line_that_is_too_long_is_left_out(db, files):
    files["inbox"].write_text(json.dumps(line(9, "x" * 1_000_000)) + "\n")
    counts, said = ingest(files)
    assert "the longest may have" in said
    assert counts["interactions"] == 0


def test_a_line_without_its_id_is_left_out(db, files):
    files["customers"].write_text('{"name": "Nobody"}\n')
    files["orders"].write_text('{"status": "placed"}\n')
    files["inbox"].write_text("")
    _, said = ingest(files)
    assert "customers.ndjson line 1: external_id" in said
    assert "orders.ndjson line 1:" in said


def test_a_file_never_overwrites_what_is_newer(db, files):
    ingest(files)
    Customer.objects.update(tier="vip", as_of=datetime.now(UTC))
    audited = AuditEntry.objects.count()
    ingest(files)
    assert Customer.objects.get().tier == "vip"
    assert AuditEntry.objects.count() == audited, "the same files again leave no row"
