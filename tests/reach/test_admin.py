"""The admin as an ops manager and an operator use it."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.interactions import execution, operating
from apps.interactions.models import ApiKey, Budget, Effect, Interaction, Reservation
from apps.policies.models import AuditEntry, BoundaryVersion, Pause, Rule
from tests import factories
from tests.conftest import browser, page
from tests.interactions.test_execution import by_webhook, requested  # noqa: F401  # fixtures


@pytest.fixture
def ops(db):
    return browser(factories.ops_manager(first_name="Olga"))


@pytest.fixture
def second(db):
    return browser(factories.ops_manager(first_name="Piet"))


@pytest.fixture
def draft(ops, partner):
    ops.post(f"/admin/policies/boundary/{partner.boundary_id}/draft/")
    return BoundaryVersion.objects.get(state="draft")


RULE = {
    "case_type": "refund_exception", "handler": "autonomous", "action": "refund", "ceiling": "100.00", "seniority": "any",
    "due_minutes": "", "fact-0": "order.days_past_window", "operator-0": "between", "low-0": "1", "high-0": "15",
    "fact-2": "customer.tier", "operator-2": "in", "value-2": ["gold", "vip"],
}  # fmt: skip


def test_the_whole_release_from_draft_to_active(ops, second, draft, partner):
    base = f"/admin/policies/boundaryversion/{draft.pk}/"
    assert ops.post(f"{base}rule/add/", RULE).status_code == 302
    rule = Rule.objects.get(version=draft, action="refund", case_type="refund_exception")
    assert [condition["operator"] for condition in rule.conditions] == ["between", "in"]
    shown = page(ops, f"{base}change/")
    assert "When <b>days past the window is 1 day to 15 days</b> and <b>customer tier is gold, VIP</b>" in shown
    assert "Refund ≤ 100.00" in shown
    assert "never decides" in shown, "a rule for people above takes every case"
    for _ in range(2):
        ops.post(f"{base}rule/{rule.pk}/move/", {"up": "yes"})
    ops.post(f"{base}act/submit/")
    assert "You worked on this version" in page(ops, f"{base}change/")
    seen = {"seen": BoundaryVersion.objects.get(pk=draft.pk).release_hash()}
    ops.post(f"{base}act/approve/", seen)
    assert BoundaryVersion.objects.get(pk=draft.pk).state == "in_review", "the author alone widens nothing"
    second.post(f"{base}act/approve/")
    assert BoundaryVersion.objects.get(pk=draft.pk).state == "in_review", "nobody approves what they were not shown"
    second.post(f"{base}act/approve/", seen)
    ops.post(f"{base}act/activate/")
    assert partner.boundary.active_version.pk == draft.pk
    assert "Activate" not in page(ops, f"{base}change/")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"fact-0": "order.nonsense"}, "There is no fact"),
        ({"low-0": "soon"}, "is a number, not"),
        ({"low-0": "20"}, "must come first"),
        ({"fact-2": "message.sentiment", "operator-2": "is", "value-2": "positive"}, "which the customer writes"),
        ({"ceiling": ""}, "Giving money needs a ceiling"),
        ({"ceiling": "1.234"}, "no more than 2 decimal places"),
        ({"action": ""}, "Say what the AI may do alone"),
        ({"handler": "robot"}, "Select a valid choice"),
    ],
)
def test_a_bad_rule_is_refused_with_the_reason_and_what_was_typed(ops, draft, fields, says):
    answer = ops.post(f"/admin/policies/boundaryversion/{draft.pk}/rule/add/", {**RULE, **fields})
    assert answer.status_code == 200
    shown = answer.content.decode()
    assert says in shown
    assert 'value="15"' in shown or "fact-0" in fields, "what was typed is kept"
    assert not Rule.objects.filter(version=draft, action="refund", case_type="refund_exception").exists()


def test_the_sentence_is_shown_while_one_types(ops, draft):
    answer = ops.post(f"/admin/policies/boundaryversion/{draft.pk}/rule/preview/", RULE).content.decode()
    assert "the AI alone may refund up to 100.00 USD" in answer
    said = ops.post(
        f"/admin/policies/boundaryversion/{draft.pk}/rule/preview/", {**RULE, "low-0": "x"}
    ).content.decode()
    assert "is a number" in said


def test_a_row_offers_the_operators_and_values_that_fit_its_fact(ops):
    row = page(ops, "/admin/policies/boundaryversion/conditions/row/?index=3&fact-3=customer.tier&currency=USD")
    assert 'name="operator-3"' in row
    assert '<option value="gold"' in row
    assert ">≤<" not in row
    money = page(
        ops,
        "/admin/policies/boundaryversion/conditions/row/?index=1&fact-1=order.refundable&operator-1=between&currency=USD",
    )
    assert 'name="low-1"' in money
    assert "in USD" in money


def test_guardrails_are_edited_too(ops, draft):
    base = f"/admin/policies/boundaryversion/{draft.pk}/"
    data = {"kind": "ceiling", "amount": "75.00", "seniority": "any", "actions": ["refund"], "floor": ""}
    assert ops.post(f"{base}guardrail/add/", data).status_code == 302
    assert "Never more than 75.00 USD at once for refund." in page(ops, f"{base}change/")
    answer = ops.post(f"{base}guardrail/add/", {**data, "amount": ""})
    assert "needs an amount" in answer.content.decode()


def test_rules_are_moved_and_deleted(ops, draft):
    base = f"/admin/policies/boundaryversion/{draft.pk}/rule/"
    first, second, third = draft.rules.filter(case_type="standard_return")
    ops.post(f"{base}{third.pk}/move/", {"up": "yes"})
    ops.post(f"{base}{first.pk}/delete/")
    assert [rule.pk for rule in draft.rules.filter(case_type="standard_return")] == [third.pk, second.pk]


def test_an_active_version_offers_no_edit(ops, partner):
    active = partner.boundary.active_version
    assert "Add a rule" not in page(ops, f"/admin/policies/boundaryversion/{active.pk}/change/")
    assert ops.post(f"/admin/policies/boundaryversion/{active.pk}/rule/add/", RULE).status_code == 200
    assert not active.rules.filter(action="refund", case_type="refund_exception").exists()


def test_a_pause_is_made_at_once_and_lifted_by_two(ops, second, partner):
    assert (
        ops.post(
            "/admin/policies/pause/add/",
            {"partner": partner.pk, "case_type": "", "action": "", "reason": "wrong dates"},
        ).status_code
        == 302
    )
    pause = Pause.objects.get()
    assert "Paused: Lumi Skin." in page(second, "/signals/")
    for _ in range(2):
        ops.post(f"/admin/policies/pause/{pause.pk}/lift/", {"reason": "mended"})
    assert Pause.objects.get().lifted_at is None
    second.post(f"/admin/policies/pause/{pause.pk}/lift/", {"reason": "mended"})
    assert Pause.objects.get().lifted_at is not None
    assert list(
        AuditEntry.objects.filter(subject_type="policies.pause")
        .exclude(event="admin_added")
        .order_by("id")
        .values_list("event", flat=True)
    ) == ["paused", "lift_asked", "lifted"]


def test_a_key_is_shown_once_and_works(partner):
    operator = browser(factories.UserFactory(role="Operator"))
    data = {
        "partner": partner.pk,
        "name": "back end",
        "scopes": ["interactions:read"],
        "calls_a_minute": 600,
        "expires_at": "",
    }
    answer = operator.post("/admin/interactions/apikey/add/", data)
    key = ApiKey.objects.get()
    shown = answer.content.decode().split('id="secret"')[1].split(">", 1)[1].split("<", 1)[0]
    assert shown.startswith(f"rk_{key.prefix}_")
    assert "no-store" in answer["Cache-Control"]
    assert Client(headers={"Authorization": f"Bearer {shown}"}).get("/api/v1/interactions/").status_code == 200
    assert shown not in page(operator, f"/admin/interactions/apikey/{key.pk}/change/")
    assert shown not in str(operator.session.items())
    operator.post("/admin/interactions/apikey/", {"action": "revoke", "_selected_action": [key.pk]})
    assert Client(headers={"Authorization": f"Bearer {shown}"}).get("/api/v1/interactions/").status_code == 401


def test_an_operator_retries_what_stalled(arrive, order, drain, monkeypatch):
    from tests.conftest import STATUS

    monkeypatch.setattr(operating, "AT_ONCE", 1)
    case, other = arrive(STATUS, order=order, work=False), arrive(STATUS, work=False)
    Interaction.objects.update(state="stalled", due_at=None, attempts=4)
    operator = browser(factories.UserFactory(role="Operator"))
    operator.post(
        "/admin/interactions/interaction/", {"action": "retry_stalled", "_selected_action": [case.pk, other.pk]}
    )
    drain()
    assert Interaction.objects.get(pk=case.pk).state == "resolved"
    assert not Interaction.objects.filter(state="stalled").exists()


def test_an_operator_settles_what_is_unknown(requested):  # noqa: F811
    Effect.objects.filter(pk=requested.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    execution.look_up_overdue()
    operator = browser(factories.UserFactory(role="Operator"))
    assert "What became of it?" in page(operator, f"/admin/interactions/effect/{requested.pk}/change/")
    operator.post(f"/admin/interactions/effect/{requested.pk}/settle/", {"outcome": "done", "reference": "R-\x007"})
    assert Effect.objects.get(pk=requested.pk).connector_reference == "R-7"


def test_a_cases_whole_life_is_on_its_page(requested):  # noqa: F811
    case = requested.decision.interaction
    shown = page(browser(factories.UserFactory(role="Auditor")), f"/admin/interactions/interaction/{case.pk}/change/")
    for step in ("escalate", "decisionrecord decided", "contextpacket seal", "effect send"):
        assert step in shown


def test_a_key_can_only_be_made_for_a_brand_of_ones_remit(partner):
    from apps.interactions.demo import demo_partner

    operator = factories.UserFactory(role="Operator", remit={"all_partners": False})
    operator.remit.partners.add(partner)
    other = demo_partner("oru", "Oru")
    client = browser(operator)
    assert "Oru" not in page(client, "/admin/interactions/apikey/add/")
    data = {"partner": other.pk, "name": "x", "scopes": ["oms:write"], "expires_at": ""}
    client.post("/admin/interactions/apikey/add/", data)
    assert ApiKey.objects.count() == 0


def test_a_guardrail_that_says_never_has_no_amount(ops, draft):
    data = {
        "kind": "never",
        "amount": "75.00",
        "seniority": "any",
        "floor": "",
        "fact-0": "message.public",
        "operator-0": "is",
        "value-0": "true",
    }
    assert ops.post(f"/admin/policies/boundaryversion/{draft.pk}/guardrail/add/", data).status_code == 302
    assert draft.guardrails.last().amount is None


def test_two_people_on_one_rule_do_not_overwrite_each_other(ops, second, draft):
    rule = draft.rules.get(action="refund")
    address = f"/admin/policies/boundaryversion/{draft.pk}/rule/{rule.pk}/"
    data = {**RULE, "case_type": "standard_return", "revision": rule.revision}
    assert ops.post(address, {**data, "ceiling": "90.00"}).status_code == 302
    shown = second.post(address, {**data, "ceiling": "80.00"}).content.decode()
    assert "Somebody saved this meanwhile" in shown
    assert "up to 90.00 USD" in shown
    assert "up to 80.00 USD" in shown
    assert Rule.objects.get(pk=rule.pk).ceiling == 90


def test_the_ledger_says_what_each_limit_spent_reserved_and_has_left(ops, requested):  # noqa: F811
    limit = {"action": "refund, 1 day", "limit": 400, "spent": 300, "count": 2}
    budget = Budget.objects.create(partner=requested.decision.interaction.partner, currency="USD", **limit)
    Reservation.objects.create(budget=budget, effect=requested, amount=100)
    Reservation.objects.create(budget=budget, effect=requested, amount=50, released_at=timezone.now())
    page = ops.get("/admin/interactions/budget/").content.decode()
    shown = dict(re.findall(r'<td class="field-(\w+)">([^<]*)</td>', page))
    assert (shown["spent_of"], shown["under_way"], shown["left"]) == ("300.00 USD", "100.00", "100.00")
    assert 'aria-label="75 % used"' in page
    assert '<rect width="75" height="8" class="reserved"/><rect width="50" height="8" class="spent"/>' in page


def test_a_brands_page_says_what_the_ai_may_do_and_what_customers_are_granted(ops, partner):
    partner.stages.filter(case_type="other").delete()
    page = ops.get(f"/admin/policies/partner/{partner.pk}/change/").content.decode()
    assert '<li>Order status <span class="r-tag autonomous">Live</span></li>' in page
    assert '<li>Other <span class="r-tag human">Observe</span></li>' in page  # without a row: the narrowest
    assert "within <b>30 days</b>" in page
    assert "name=boundary" not in page.replace('"', "")


def test_pauses_in_force_come_first_and_say_when_lifting_was_asked_for(ops, second):
    pages = {}
    for person, client in (("asked", ops), ("lifted", second)):
        client.post("/admin/policies/pause/add/", {"reason": f"to be {person}"})
        pages[person] = Pause.objects.get(reason=f"to be {person}")
    for client in (ops, second):
        client.post(f"/admin/policies/pause/{pages['lifted'].pk}/lift/", {"reason": "over"})
    ops.post(f"/admin/policies/pause/{pages['asked'].pk}/lift/", {"reason": "over"})
    page = ops.get("/admin/policies/pause/").content.decode()
    assert page.index("In force, lifting asked for") < page.index(">Lifted<")
    assert "to be asked" not in ops.get("/admin/policies/pause/?state=lifted").content.decode().split("results")[1]
