"""What an approval names: everything that a version says, and for which cases and until when."""

from datetime import time, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from apps.policies import editing, releases
from apps.policies.models import Boundary, BoundaryVersion, Guardrail, Ramp, Rule
from apps.policies.specs import GuardrailSpec, PolicySpec, RuleSpec
from tests.policies.conftest import limit_of_the_day

BIG = [{"fact": "order.total", "operator": ">", "value": {"amount": "90.00", "currency": "USD"}}]
RULE = {
    "position": 1,
    "case_type": "standard_return",
    "handler": "autonomous",
    "action": "refund",
    "ceiling": Decimal(50),
}
RULE_CHANGES = {
    "position": 2, "conditions": BIG, "case_type": "complaint", "handler": "collaborative", "action": "goodwill",
    "ceiling": Decimal("50.01"), "seniority": "senior", "due_minutes": 30,
    "ramp": Ramp(pk=7),
}  # fmt: skip
NARROWER = {"position": 2, "actions": ["refund"], "case_types": ["complaint"]}
ALWAYS = {"kind": "never", **NARROWER, "conditions": BIG, "seniority": "senior", "hard": True}
GUARDRAILS = [
    ({"kind": "never"}, ALWAYS | {"kind": "quiet"}),
    ({"kind": "ceiling", "amount": Decimal(50)}, ALWAYS | {"kind": "never", "amount": Decimal(51)}),
    ({"kind": "budget", "amount": Decimal(50)}, NARROWER | {"kind": "velocity", "amount": Decimal(51), "days": 7}),
    ({"kind": "velocity", "count": 3},
     NARROWER | {"kind": "budget", "amount": Decimal(50), "count": 4, "days": 7, "per": "address"}),
    ({"kind": "confidence", "floor": Decimal("0.90")}, NARROWER | {"kind": "quiet", "floor": Decimal("0.91")}),
    ({"kind": "quiet", "quiet_from": time(22), "quiet_to": time(6)},
     NARROWER | {"kind": "never", "quiet_from": time(21), "quiet_to": time(7)}),
    ({"kind": "error", "target": Decimal("0.01")},
     NARROWER | {"kind": "never", "amount": Decimal(50), "target": Decimal("0.02")}),
]  # fmt: skip
OF_THE_ROW_ONLY = {"id", "version", "revision"}


def content(model, currency="USD", **fields):
    spec = model(version=BoundaryVersion(boundary=Boundary(name="X", currency=currency)), **fields).spec()
    if isinstance(spec, RuleSpec):
        return PolicySpec((spec,)).content_hash
    return (
        PolicySpec(guardrails=(spec,)) if isinstance(spec, GuardrailSpec) else PolicySpec(limits=(spec,))
    ).content_hash


@pytest.mark.parametrize("field", RULE_CHANGES)
def test_each_field_of_a_rule_is_part_of_it(field):
    assert content(Rule, **RULE) != content(Rule, **(RULE | {field: RULE_CHANGES[field]}))


@pytest.mark.parametrize(
    ("base", "field", "value"),
    [(base, field, value) for base, changes in GUARDRAILS for field, value in changes.items() if field != "position"],
)
def test_each_field_that_a_guardrail_uses_is_part_of_it(base, field, value):
    assert content(Guardrail, position=1, **base) != content(Guardrail, **({"position": 1} | base | {field: value}))


@pytest.mark.parametrize("model", [Rule, Guardrail])
def test_no_field_is_left_out(model):
    tried = set(RULE_CHANGES) if model is Rule else {field for _, changes in GUARDRAILS for field in changes}
    assert {field.name for field in model._meta.fields} - OF_THE_ROW_ONLY == tried


def test_so_is_the_currency():
    assert content(Rule, "USD", **RULE) != content(Rule, "EUR", **RULE)


def test_so_is_the_version_of_the_parent(boundary, author):
    parent = boundary.active_version
    draft = releases.draft_from(author, Boundary.objects.create(name="Child", currency="USD"))
    editing.set_parent(author, draft, parent)
    narrower = releases.draft_from(author, boundary)
    limit_of_the_day(author, narrower, "10.00")
    narrower = releases.tighten(author, narrower)
    before = BoundaryVersion.objects.get(pk=draft.pk).current_hash()
    editing.set_parent(author, draft, narrower)
    assert BoundaryVersion.objects.get(pk=draft.pk).current_hash() != before


def test_share_and_end_are_part_of_the_release_and_not_of_the_content(boundary):
    version = boundary.active_version
    soon = timezone.now() + timedelta(days=1)
    plans = [(100, None), (10, None), (11, None), (100, soon), (10, soon), (10, soon + timedelta(minutes=1))]
    releases_named, contents = set(), set()
    for version.share, version.ends_at in plans:
        releases_named.add(version.release_hash())
        contents.add(version.current_hash())
    assert len(releases_named) == len(plans)
    assert len(contents) == 1
