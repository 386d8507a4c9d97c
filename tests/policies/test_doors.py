"""Every door that widens what the AI may do: each alone, tried by one person, is refused, on the page and in the database."""

from decimal import Decimal

import pytest
from django.db import Error, IntegrityError, transaction
from django.test import Client

from apps.policies import editing, partner_releases, pauses, releases
from apps.policies.errors import Refused
from apps.policies.models import (
    AuditEntry,
    Boundary,
    BoundaryVersion,
    Guardrail,
    Partner,
    PartnerRelease,
    Rule,
    Terms,
)
from tests import factories


@pytest.fixture
def wider(partner, author, other):
    """Another boundary, which grants more than the demo one."""
    boundary = Boundary.objects.create(name="Generous", currency="USD")
    version = releases.draft_from(author, boundary, partner.boundary.active_version)
    refund = version.rules.get(action="refund")
    refund.ceiling = Decimal("500.00")
    editing.save(author, refund)
    for guardrail in version.guardrails.filter(kind__in=["ceiling", "budget"]):
        guardrail.amount = Decimal("9000.00")
        editing.save(author, guardrail)
    releases.submit(author, version)
    releases.activate(author, releases.approve(other, version))
    return boundary


def wider_version(partner, author):
    draft = releases.draft_from(author, partner.boundary)
    budget = draft.guardrails.get(kind=Guardrail.Kind.BUDGET)
    budget.amount = Decimal("9000.00")
    editing.save(author, budget)
    return draft


DOORS = {
    "boundary": lambda partner, wider: {"boundary": wider.pk},
    "stage": lambda partner, wider: {"case_type": "complaint", "stage": "live"},
    "terms": lambda partner, wider: factories.terms(partner, return_window_days=60),
}


@pytest.mark.parametrize("kind", DOORS)
class TestPartnerDoors:
    def test_one_person_alone_opens_none(self, partner, author, wider, kind):
        release = partner_releases.propose(author, partner, kind, DOORS[kind](partner, wider), "more")
        assert (release.state, release.widens) == ("open", True)
        assert release.because
        with pytest.raises(Refused, match="Somebody else has to agree"):
            partner_releases.agree(author, release.pk)
        assert self.as_it_was(partner, wider)

    def test_the_second_person_opens_it(self, partner, author, other, wider, kind):
        release = partner_releases.propose(author, partner, kind, DOORS[kind](partner, wider), "more")
        partner_releases.agree(other, release.pk)
        assert not self.as_it_was(partner, wider)
        entry = AuditEntry.objects.get(event="release", subject_type="policies.partnerrelease")
        assert (entry.actor_kind, entry.user) == ("person", other)
        assert entry.details == {"content_hash": release.content_hash}

    def test_it_needs_a_reason(self, partner, author, wider, kind):
        with pytest.raises(Refused, match="Say why"):
            partner_releases.propose(author, partner, kind, DOORS[kind](partner, wider), " ")

    def test_what_was_agreed_to_cannot_be_another_thing(self, partner, author, wider, kind):
        release = partner_releases.propose(author, partner, kind, DOORS[kind](partner, wider), "more")
        with pytest.raises(Error, match="Cannot update"), transaction.atomic():
            PartnerRelease.objects.filter(pk=release.pk).update(content={})
        with pytest.raises(IntegrityError, match="takes_two"), transaction.atomic():
            PartnerRelease.objects.filter(pk=release.pk).update(state="released")
        with pytest.raises(IntegrityError, match="takes_two"), transaction.atomic():
            PartnerRelease.objects.filter(pk=release.pk).update(state="released", agreed_by=author)

    def test_withdrawn_it_opens_nothing(self, partner, author, other, wider, kind):
        release = partner_releases.propose(author, partner, kind, DOORS[kind](partner, wider), "more")
        partner_releases.withdraw(author, release.pk, "no")
        with pytest.raises(Refused, match="withdrawn already"):
            partner_releases.agree(other, release.pk)
        assert self.as_it_was(partner, wider)

    def test_the_same_twice_is_said(self, partner, author, other, wider, kind):
        content = DOORS[kind](partner, wider)
        partner_releases.propose(author, partner, kind, content, "more")
        with pytest.raises(Refused, match="waits for a second person already"):
            partner_releases.propose(other, partner, kind, content, "more")

    def as_it_was(self, partner, wider):
        now = Partner.objects.get(pk=partner.pk)
        terms = Terms.objects.get(partner=partner, active=True)
        return (now.boundary_id != wider.pk and now.stage_of("complaint") == "assist" and terms.return_window_days == 30)  # fmt: skip


class TestTightening:
    def test_a_narrower_stage_and_boundary_take_one_person_at_once(self, partner, author):
        for kind, content in (
            ("stage", {"case_type": "order_status", "stage": "assist"}),
            ("boundary", {"boundary": None}),
        ):
            release = partner_releases.propose(author, partner, kind, content, "less")
            assert (release.state, release.agreed_by, release.widens) == ("released", None, False)
        now = Partner.objects.get(pk=partner.pk)
        assert (now.boundary, now.stage_of("order_status")) == (None, "assist")

    @pytest.mark.parametrize("fields", [{"return_window_days": 14}, {"return_window_clause": "Whenever you like."}])
    def test_terms_always_take_two_since_facts_come_from_them(self, partner, author, fields):
        """A shorter window makes a return an exception, which a rule may well let the AI refund."""
        content = factories.terms(partner, **fields)
        assert partner_releases.propose(author, partner, "terms", content, "because").state == "open"

    def test_a_boundary_whose_other_ninety_percent_are_wider_widens(self, partner, author, other, wider):
        narrow = releases.draft_from(author, wider)
        for guardrail in narrow.guardrails.filter(kind__in=["ceiling", "budget"]):
            guardrail.amount = Decimal("1.00")
            editing.save(author, guardrail)
        releases.plan(author, narrow, share=2, ends_at=None)
        releases.tighten(author, narrow)
        assert partner_releases.propose(author, partner, "boundary", {"boundary": wider.pk}, "less").widens


class TestOtherDoors:
    def test_a_wider_version(self, partner, author):
        draft = wider_version(partner, author)
        releases.submit(author, draft)
        with pytest.raises(Refused):
            releases.approve(author, draft)

    def test_a_parent_that_grants_more(self, partner, author, wider):
        draft = releases.draft_from(author, partner.boundary)
        draft.rules.filter(case_type="standard_return").delete()
        editing.set_parent(author, draft, wider.active_version)
        for guardrail in draft.guardrails.filter(kind__in=["ceiling", "budget"]):
            editing.delete(author, guardrail)
        submitted = releases.submit(author, draft)
        assert submitted.widens is True
        with pytest.raises(Refused, match="did not has to approve"):
            releases.approve(author, submitted)

    def test_a_pause_that_is_lifted(self, author, other):
        pause = pauses.pause(author, "wrong dates")
        pauses.lift(author, pause.pk, "mended")
        with pytest.raises(Refused, match="second person"):
            pauses.lift(author, pause.pk, "mended")
        assert pauses.lift(other, pause.pk, "checked").lifted_by == other

    def test_these_fields_cannot_be_edited_in_the_admin(self, partner, author, wider):
        client = Client()
        client.force_login(factories.UserFactory(is_superuser=True))
        page = client.get(f"/admin/policies/partner/{partner.pk}/change/").content.decode()
        assert 'name="boundary"' not in page
        assert 'name="stages-0-stage"' not in page
        assert 'name="terms_versions-0-return_window_days"' not in page


def test_the_pages_propose_and_agree(partner, author, other):
    mine, theirs = Client(), Client()
    mine.force_login(author)
    theirs.force_login(other)
    data = {"case_type": "complaint", "stage": "live", "reason": "90 % agreed"}
    answer = mine.post(f"/admin/policies/partnerrelease/{partner.pk}/propose/stage/", data, follow=True)
    assert "takes effect when a second person agrees" in answer.content.decode()
    release = PartnerRelease.objects.get()
    shown = theirs.get(f"/admin/policies/partnerrelease/{release.pk}/change/").content.decode()
    assert "Complaint: assist → live" in shown
    assert "Decided by people: at least 50" in shown
    theirs.post(f"/admin/policies/partnerrelease/{release.pk}/end/agree/")
    assert Partner.objects.get(pk=partner.pk).stage_of("complaint") == "live"


def test_bad_content_is_refused_with_the_reason(partner, author):
    for kind, content, says in (
        ("stage", {"case_type": "complaint", "stage": "lively"}, "one of the stages"),
        ("boundary", {"boundary": 12345}, "no such boundary"),
        ("boundary", {"boundary": partner.boundary_id}, "this boundary already"),
        ("terms", {"return_window_days": 3}, "Terms are"),
        ("terms", factories.terms(partner), "say what the active ones say"),
        ("terms", factories.terms(partner, return_window_days=-1), "return_window_days"),
        ("colour", {}, "can be released"),
    ):
        with pytest.raises(Refused, match=says):
            partner_releases.propose(author, partner, kind, content, "because")


def test_a_boundary_of_another_currency_is_refused(partner, author):
    euros = Boundary.objects.create(name="Euros", currency="EUR")
    with pytest.raises(Refused, match="sells in USD"):
        partner_releases.propose(author, partner, "boundary", {"boundary": euros.pk}, "because")


def test_rule_rows_of_a_released_version_stay(partner):
    active = partner.boundary.active_version
    with pytest.raises(Error, match="only while it is a draft"), transaction.atomic():
        Rule.objects.filter(version=active).update(ceiling=Decimal("9999.00"))
    assert BoundaryVersion.objects.get(pk=active.pk).state == "active"


def test_a_boundary_that_grew_after_it_was_proposed_is_proposed_anew(partner, author, other, wider):
    release = partner_releases.propose(author, partner, "boundary", {"boundary": wider.pk}, "more")
    draft = releases.draft_from(author, wider)
    refund = draft.rules.get(action="refund")
    refund.ceiling = Decimal("900.00")
    editing.save(author, refund)
    releases.submit(author, draft)
    releases.activate(author, releases.approve(other, draft))
    with pytest.raises(Refused, match="not what it was when it was proposed"):
        partner_releases.agree(other, release.pk)


@pytest.mark.parametrize(
    "path",
    ["boundaryversion/²/change/", "boundary/²/change/", "partner/²/change/", "pause/²/change/", "partnerrelease/²/change/",
     "boundaryversion/{v}/simulate/?ruling=²", "boundaryversion/{v}/compare/?with=²", "boundaryversion/conditions/row/?index=²"],
)  # fmt: skip
def test_an_address_that_is_no_number_breaks_nothing(partner, author, path):
    client = Client()
    client.force_login(author)
    address = "/admin/policies/" + path.format(v=partner.boundary.active_version.pk)
    assert client.get(address).status_code in (200, 302, 404)


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("plan", {"share": "²"}), ("plan", {"share": "9" * 5000}), ("plan", {"ends_at": "2030-01-01T00:00+00:00"}),
        ("plan", {"ends_at": "soon"}), ("replay", {"days": "²"}), ("note", {"note": "a\x00b"}), ("parent", {"parent": "²"}),
        ("move_child", {"child": "x"}), ("raise", {"share": "²"}), ("roll_back", {"reason": "\x00"}),
    ],
)  # fmt: skip
def test_what_is_typed_wrong_is_refused_and_breaks_nothing(partner, author, act, fields):
    client = Client()
    client.force_login(author)
    draft = releases.draft_from(author, partner.boundary)
    answer = client.post(f"/admin/policies/boundaryversion/{draft.pk}/act/{act}/", fields)
    assert answer.status_code in (302, 404)
    assert BoundaryVersion.objects.get(pk=draft.pk).share == 100
