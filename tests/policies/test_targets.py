"""Error targets: the strictest that looks at a case, and what counts as widening."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.policies import document_reader, documents, editing
from apps.policies.models import Guardrail
from apps.policies.money import Money
from apps.policies.specs import LimitSpec, PolicySpec
from apps.policies.targets import USUAL, Targets, targets_of
from apps.policies.verification import verify
from tests import factories
from tests.conftest import browser
from tests.policies.conftest import released


def error(target, *, types=(), actions=(), at_stake=None):
    amount = Money(Decimal(at_stake), "USD") if at_stake else None
    return LimitSpec("g", "error", frozenset(actions), frozenset(types), amount=amount, target=Decimal(target))


class TestStrictest:
    def test_where_nothing_is_said_the_usual_one_is_meant(self):
        assert Targets().of("refund_exception", "refund", Decimal(900)) == Targets().overall == USUAL

    def test_of_several_the_strictest_that_looks_at_the_case(self):
        targets = targets_of(PolicySpec(limits=(error("0.05", types=["question"]), error("0.01", actions=["refund"]))))
        assert targets.of("refund_exception", "refund") == 0.01
        assert targets.of("question", "reply") == 0.05
        assert targets.of("question", "refund") == 0.01
        assert targets.of("order_status", "reply") == USUAL
        assert targets.overall == USUAL

    def test_more_at_stake_may_ask_for_less_error(self):
        targets = targets_of(PolicySpec(limits=(error("0.005", at_stake="200.00"),)))
        assert targets.of("refund_exception", "refund", Decimal("199.99")) == USUAL
        assert targets.of("refund_exception", "refund", Decimal("200.00")) == 0.005

    def test_a_child_is_held_by_its_parents_too(self):
        policy = PolicySpec(limits=(error("0.01"),)).inheriting(PolicySpec(limits=(error("0.005"),)))
        assert targets_of(policy).overall == 0.005


@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        ([error("0.01")], [error("0.02")], True),
        ([error("0.02")], [error("0.01")], False),
        ([error("0.01")], [], True),
        ([], [error("0.01")], False),
        ([], [error("0.03")], True),
        ([error("0.03")], [], False),
        ([error("0.03")], [error("0.05")], True),
        ([error("0.05")], [error("0.03")], False),
        ([error("0.03", types=["question"])], [error("0.03")], True),
        ([error("0.03")], [error("0.03", types=["question"])], False),
        ([error("0.01")], [error("0.01", at_stake="50.00")], True),
        ([error("0.01", at_stake="50.00")], [error("0.01")], False),
        ([error("0.5"), error("0.03", actions=["refund"])], [error("0.5")], True),
        ([error("0.03", actions=["refund"])], [error("0.03", actions=["reply"])], True),
        ([error("0.05", actions=["refund"]), error("0.03")], [error("0.05", actions=["refund"])], True),
        ([error("0.01")], [error("0.01", at_stake="0.00")], True),
        ([error("0.01"), error("0.01", types=["question"])], [error("0.01")], False),
    ],
)
def test_whatever_allows_more_error_anywhere_widens(before, after, widens):
    assert verify(PolicySpec(limits=tuple(after)), PolicySpec(limits=tuple(before))).widens is widens


class TestWritten:
    def test_it_goes_to_text_and_back(self, boundary, author, other):
        from apps.policies import releases

        draft = releases.draft_from(author, boundary)
        editing.save(author, Guardrail(version=draft, kind="error", target=Decimal("0.005"), amount=Decimal(200)))
        version = released(author, other, draft)
        text = documents.to_yaml(version)
        assert "target: '0.0050'" in text or "target: 0.0050" in text
        again = [row for row in document_reader.read(text).guardrails if row["kind"] == "error"]
        assert [(row["target"], row["amount"]) for row in again] == [(Decimal("0.0050"), Decimal("200.00"))]
        assert "Never wrong in more than 0.50% of what was learnt, for anything from 200.00 USD on." in [
            limit.in_words() for limit in version.policy().limits
        ]

    @pytest.mark.parametrize("target", ["", "0", "0.6", "0.00001"])
    def test_the_form_asks_for_a_share(self, boundary, author, target):
        from apps.policies import releases
        from apps.policies.admin.forms import GuardrailForm

        form = GuardrailForm({"kind": "error", "target": target, "seniority": "any"},
                             instance=Guardrail(version=releases.draft_from(author, boundary)))  # fmt: skip
        assert not form.is_valid()
        assert "target" in form.errors


def test_the_admin_shows_its_field_for_its_kind_only(boundary, author):
    from apps.policies import releases
    from apps.policies.admin.forms import SHOWN_FOR

    assert SHOWN_FOR["target"] == (Guardrail.Kind.ERROR,)
    draft = releases.draft_from(author, boundary)
    address = f"/admin/policies/boundaryversion/{draft.pk}/guardrail/add/"
    assert "target" in browser(factories.ops_manager()).get(address, follow=True).content.decode()


@given(*(st.lists(st.builds(
    error, st.sampled_from(["0.005", "0.02", "0.03", "0.5"]), types=st.sampled_from([(), ("question",)]),
    actions=st.sampled_from([(), ("refund",), ("refund", "reply")]), at_stake=st.sampled_from([None, "0.00", "50.00"]),
), max_size=3) for _ in range(2)))  # fmt: skip
def test_what_does_not_widen_allows_nowhere_more(before, after):
    old, new = PolicySpec(limits=tuple(before)), PolicySpec(limits=tuple(after))
    if not verify(new, old).widens:
        for case_type, action, stake in product(
            ("question", "complaint"), ("refund", "reply", "deny"), (None, 0, 49, 50, 900)
        ):
            at_stake = None if stake is None else Decimal(stake)
            assert targets_of(new).of(case_type, action, at_stake) <= targets_of(old).of(case_type, action, at_stake)
        assert targets_of(new).overall <= targets_of(old).overall
