"""The simulator and the dry run: what a version would say, with its trace, changing nothing."""

from decimal import Decimal

import pytest
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.policies import editing, releases, simulating
from apps.policies.errors import Invalid
from apps.policies.facts import VOCABULARY
from apps.policies.models import AuditEntry, Rule, Ruling
from apps.policies.words import Action, CaseType
from tests import factories
from tests.conftest import STATUS, api_client

URL = "/api/v1/rulings/dry-run/"
CASE = {
    "case_type": "standard_return",
    "action": "return_label",
    "discloses_order": True,
    "facts": {
        "sender.verified": True, "order.belongs_to_sender": True, "order.days_past_window": -3, "order.final_sale": False, "order.return_received": False,
        "customer.refunds_90d": 0, "message.public": False, "message.injection_suspected": False,
    },
}  # fmt: skip


class TestDryRun:
    def test_it_says_what_the_active_boundary_would(self, api, partner):
        answer = api.post(URL, CASE, format="json").json()
        assert (answer["handler"], answer["rule"], answer["version"]) == ("autonomous", "rule 5", 1)
        assert answer["trace"][0]["sentence"].startswith("Standard return: when refunds in 90 days ≥ 3")
        assert not Ruling.objects.exists()

    def test_what_is_not_given_is_unknown(self, api):
        facts = {name: value for name, value in CASE["facts"].items() if name != "sender.verified"}
        answer = api.post(URL, {**CASE, "facts": facts}, format="json").json()
        assert answer["handler"] == "human"

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"case_type": "nonsense"}, "case_type"),
            ({"action": None}, "action"),
            ({"amount": 5}, "amount"),
            ({"amount": {"amount": "1.234", "currency": "USD"}}, "amount"),
            ({"facts": {"order.nonsense": 1}}, "facts.order.nonsense"),
            ({"facts": {"customer.tier": "platinum"}}, "facts.customer.tier"),
            ({"facts": {"order.days_past_window": 99999}}, "facts.order.days_past_window"),
            ({"facts": [1]}, "facts"),
            ({"colour": "red"}, "colour"),
        ],
    )
    def test_bad_input_names_the_field(self, api, fields, field):
        answer = api.post(URL, {**CASE, **fields}, format="json")
        assert answer.status_code == 422
        assert field in answer.json()["errors"]

    def test_it_needs_its_scope(self, partner):
        assert api_client(partner, scopes=["interactions:write"]).post(URL, CASE, format="json").status_code == 403


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from([*CaseType.values, *Action.values]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*VOCABULARY, "amount", "currency"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(["case_type", "action", "amount", "facts", "discloses_order"]), _anything))
def test_law_no_malformed_case_is_the_ais(data):
    """Whatever is typed is refused, or ruled on what it certainly says; the sender is never verified by accident."""
    from apps.policies.gate import compile_policy
    from apps.policies.specs import RuleSpec

    policy = compile_policy(
        [RuleSpec("rule", case_type, (), "autonomous", "return_label") for case_type in CaseType.values]
    )
    try:
        asked = simulating.read(data)
    except Invalid:
        return
    verdict = policy.rule(asked.case_type, asked.proposal, asked.facts)
    certain = asked.facts.get("sender.verified") is True and asked.facts.get("order.belongs_to_sender") is True
    assert verdict.handler != "autonomous" or certain


class TestPage:
    @pytest.fixture
    def ops(self, partner):
        client = Client()
        client.force_login(factories.ops_manager())
        return client

    @pytest.fixture
    def draft(self, partner):
        author = factories.ops_manager()
        draft = releases.draft_from(author, partner.boundary)
        rule = Rule(
            version=draft, case_type="complaint", handler="autonomous", action="goodwill", ceiling=Decimal("20.00")
        )
        editing.save(author, rule)
        editing.move(author, rule, up=True)
        return draft

    def test_active_and_draft_are_ruled_side_by_side(self, ops, draft):
        data = {
            "case_type": "complaint", "action": "goodwill", "amount": "15.00", "discloses_order": "on",
            "fact-sender.verified": "true", "fact-order.belongs_to_sender": "true", "fact-message.public": "false",
            "fact-message.injection_suspected": "false",
        }  # fmt: skip
        shown = ops.post(f"/admin/policies/boundaryversion/{draft.pk}/simulate/", data).content.decode()
        assert 'aria-label="Version 1"' in shown
        assert 'aria-label="Version 2"' in shown
        assert "r-tag collaborative" in shown
        assert "r-tag autonomous" in shown
        assert 'value="15.00"' in shown, "what was typed stays"

    def test_a_past_case_is_loaded_and_ruled_as_it_was(self, ops, arrive, order, partner):
        case = arrive(STATUS, order=order)
        version = partner.boundary.active_version
        shown = ops.get(
            f"/admin/policies/boundaryversion/{version.pk}/simulate/?ruling={case.ruling_id}"
        ).content.decode()
        assert "r-tag autonomous" in shown
        assert "by rule 2" in shown

    def test_a_case_of_a_brand_outside_the_remit_is_not_loaded(self, arrive, order, partner):
        case = arrive(STATUS, order=order)
        client = Client()
        client.force_login(factories.ops_manager(remit={"all_partners": False}))
        version = partner.boundary.active_version
        shown = client.get(
            f"/admin/policies/boundaryversion/{version.pk}/simulate/?ruling={case.ruling_id}"
        ).content.decode()
        assert "by rule 2" not in shown

    def test_what_is_typed_wrong_is_said_beside_it(self, ops, draft):
        data = {"case_type": "complaint", "action": "goodwill", "fact-order.days_past_window": "soon"}
        shown = ops.post(f"/admin/policies/boundaryversion/{draft.pk}/simulate/", data).content.decode()
        assert "is a number, not “soon”" in shown


def test_trying_leaves_no_trace(api):
    before = AuditEntry.objects.count()
    api.post(URL, CASE, format="json")
    assert AuditEntry.objects.count() == before
