"""The database's own walls: written past the code, what widens is refused there too."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import Error, IntegrityError, connection, transaction
from django.utils import timezone

from apps.interactions.models import Budget
from apps.policies import editing, partner_releases, pauses, releases
from apps.policies.models import Boundary, BoundaryVersion, Partner, PartnerRelease, PartnerStage, Pause, Rule, Terms
from apps.policies.models.terms import TERMS_FIELDS
from tests import factories
from tests.conftest import STATUS
from tests.policies.conftest import refund_rule, widening

REFUSED = "takes a release"


@pytest.fixture
def ruled(arrive, order):
    """The brand has been ruled once: its set-up is over."""
    return arrive(STATUS, order=order)


def name(release):
    """Name a release in this transaction, as the code does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('remit.release', %s, true)", [str(release.pk)])


def signed(partner, kind, content):
    """A row as two people's agreement leaves it, whatever it says."""
    return PartnerRelease.objects.create(
        partner=partner, kind=kind, content=content, content_hash="-", in_words="-", widens=True, reason="-",
        state="released", proposed_by=factories.ops_manager(), agreed_by=factories.ops_manager(), ended_at=timezone.now(),
    )  # fmt: skip


def refused(write, says=REFUSED):
    with pytest.raises(Error, match=says), transaction.atomic():
        write()


class TestBoundaries:
    @pytest.fixture
    def other(self, db):
        return Boundary.objects.create(name="Other", currency="USD")

    def test_a_brands_is_not_changed(self, partner, other):
        refused(lambda: Partner.objects.filter(pk=partner.pk).update(boundary=other))

    def test_none_is_given_to_a_brand_without_one(self, other):
        Partner.objects.create(slug="new", name="New")
        refused(lambda: Partner.objects.filter(slug="new").update(boundary=other))

    def test_only_this_brand_gets_only_this_one(self, partner, other):
        name(signed(partner, "boundary", {"boundary": other.pk}))
        third = Boundary.objects.create(name="Third", currency="USD")
        Partner.objects.create(slug="new", name="New")
        refused(lambda: Partner.objects.filter(slug="new").update(boundary=other))
        refused(lambda: Partner.objects.filter(pk=partner.pk).update(boundary=third))
        Partner.objects.filter(pk=partner.pk).update(boundary=other)


class TestStages:
    def test_none_is_raised(self, partner):
        refused(lambda: PartnerStage.objects.filter(partner=partner, case_type="complaint").update(stage="live"))

    def test_none_is_added_live_after_a_ruling(self, partner, ruled):
        PartnerStage.objects.filter(partner=partner, case_type="complaint").delete()
        refused(lambda: PartnerStage.objects.create(partner=partner, case_type="complaint", stage="live"))
        PartnerStage.objects.create(partner=partner, case_type="complaint", stage="observe")

    def test_a_live_one_is_not_given_to_another_type_or_brand(self, partner):
        PartnerStage.objects.filter(partner=partner, case_type="complaint").delete()
        live = PartnerStage.objects.filter(partner=partner, case_type="order_status")
        refused(lambda: live.update(case_type="complaint"))
        other = Partner.objects.create(slug="other", name="Other")
        refused(lambda: live.update(partner=other))


OTHERWISE = {
    "return_window_days": 61, "return_window_clause": "x", "non_returnable": ["gift"], "non_returnable_clause": "x",
    "return_fee": Decimal("1.00"), "return_fee_clause": "x", "return_windows": ["vip: 90"], "free_return_tiers": ["vip"],
    "recommend_categories": ["skin"], "recommend_most": Decimal("9.00"), "lost_after_days": 3, "lost_clause": "x",
}  # fmt: skip


class TestTerms:
    @pytest.fixture
    def agreed(self, partner, ruled):
        """A release of Terms that two people agreed to, named in this transaction; no Terms are active."""
        release = factories.released(partner, "terms", **factories.terms(partner, return_window_days=60))
        Terms.objects.filter(partner=partner).update(active=False)
        name(release)
        return Terms.objects.get(partner=partner, return_window_days=60)

    def again(self, agreed, **fields):
        values = {name: getattr(agreed, name) for name in TERMS_FIELDS}
        return Terms.objects.create(partner=agreed.partner, number=99, active=True, **values | fields)

    @pytest.mark.parametrize("field", TERMS_FIELDS)
    def test_each_field_is_the_one_that_was_agreed_to(self, agreed, field):
        refused(lambda: self.again(agreed, **{field: OTHERWISE[field]}))

    def test_as_agreed_they_are_written(self, agreed):
        assert self.again(agreed).active

    def test_without_a_release_none_are_added_active_after_a_ruling(self, agreed):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('remit.release', '', true)")
        refused(lambda: self.again(agreed))

    def test_none_are_rewritten(self, partner):
        refused(lambda: Terms.objects.filter(partner=partner).update(return_window_days=60))

    def test_old_ones_do_not_become_active_again(self, agreed):
        refused(lambda: Terms.objects.filter(return_window_days=30).update(active=True))


class TestReleasesThatAreNone:
    """A release opens its door for a moment, once two people agreed."""

    @pytest.fixture
    def proposed(self, partner):
        content = {"case_type": "complaint", "stage": "live"}
        return partner_releases.propose(factories.ops_manager(), partner, "stage", content, "they are good at it")

    def ended(self, proposed, **fields):
        now = {"state": "released", "agreed_by": factories.ops_manager(), "ended_at": timezone.now()}
        PartnerRelease.objects.filter(pk=proposed.pk).update(**now | fields)
        name(proposed)

    def go_live(self, partner):
        PartnerStage.objects.filter(partner=partner, case_type="complaint").update(stage="live")

    def test_one_of_this_moment_opens_it(self, partner, proposed):
        self.ended(proposed)
        self.go_live(partner)
        assert partner.stages.get(case_type="complaint").stage == "live"

    @pytest.mark.parametrize(
        "fields", [{"state": "withdrawn"}, {"ended_at": timezone.now() - timedelta(minutes=2)}, {"ended_at": None}]
    )
    def test_a_withdrawn_or_an_older_one_does_not(self, partner, proposed, fields):
        self.ended(proposed, **fields)
        refused(lambda: self.go_live(partner))

    def test_one_that_is_open_does_not(self, partner, proposed):
        name(proposed)
        refused(lambda: self.go_live(partner))

    def test_nor_does_one_for_another_type_or_kind(self, partner, proposed):
        self.ended(proposed)
        refused(lambda: PartnerStage.objects.filter(partner=partner, case_type="human_request").update(stage="live"))
        refused(lambda: Terms.objects.filter(partner=partner).update(return_window_days=60))

    def test_nor_does_one_for_a_narrower_stage(self, partner):
        name(signed(partner, "stage", {"case_type": "complaint", "stage": "assist"}))
        refused(lambda: self.go_live(partner))

    @pytest.mark.parametrize("kind", ["boundary", "stage", "terms"])
    def test_nor_does_one_that_says_it_under_another_kind(self, partner, ruled, kind):
        terms = factories.terms(partner, return_window_days=60)
        other = Boundary.objects.create(name="Other", currency="USD")
        content = {"case_type": "complaint", "stage": "live", "boundary": other.pk, **terms}
        stage = PartnerStage.objects.filter(partner=partner, case_type="complaint")
        doors = {
            "boundary": lambda: Partner.objects.filter(pk=partner.pk).update(boundary=other),
            "stage": lambda: stage.update(stage="live"),
            "terms": lambda: Terms.objects.filter(partner=partner).update(return_window_days=60),
        }
        name(signed(partner, kind, content))
        for another in doors.keys() - {kind}:
            refused(doors[another])
        doors[kind]()

    def test_nor_does_another_brands(self, partner, proposed):
        self.ended(proposed)
        other = Partner.objects.create(slug="other", name="Other")
        PartnerStage.objects.create(partner=other, case_type="complaint", stage="assist")
        refused(lambda: self.go_live(other))


def with_note(author, boundary):
    """A draft that grants what the active version grants."""
    draft = releases.draft_from(author, boundary)
    editing.annotate(author, draft, "Nothing changes.")
    return draft


class TestVersions:
    @pytest.mark.parametrize("state", ["approved", "shadow", "active"])
    def test_one_that_widens_rules_nothing_without_a_second_person(self, boundary, author, state):
        draft = releases.submit(author, widening(author, boundary))
        for approved_by in (None, author):
            refused(lambda who=approved_by: BoundaryVersion.objects.filter(pk=draft.pk).update(state=state, approved_by=who),
                    "contributed to no part")  # fmt: skip

    def test_nor_when_it_is_said_to_tighten(self, boundary, author):
        draft = releases.submit(author, widening(author, boundary))
        said = {"widens": False, "state": "approved", "approved_by": author}
        refused(lambda: BoundaryVersion.objects.filter(pk=draft.pk).update(**said), "contributed to no part")

    def test_nor_when_what_was_found_and_what_is_said_differ(self, boundary, author):
        """Both say whether it widens: the column that the pages read, and the verification it came from."""
        tightens = releases.submit(author, with_note(author, boundary))
        for said in ({"widens": True}, {"verification": tightens.verification | {"widens": True}}):
            refused(
                lambda fields=said: BoundaryVersion.objects.filter(pk=tightens.pk).update(state="approved", **fields),
                "contributed to no part",
            )

    def test_whoever_approved_it_is_not_replaced_by_its_author(self, tenth, author):
        for said in ({"approved_by": author}, {"approved_by": None}):
            refused(lambda fields=said: BoundaryVersion.objects.filter(pk=tenth.pk).update(**fields),
                    "contributed to no part")  # fmt: skip

    def test_one_that_went_alone_is_not_said_to_widen_afterwards(self, boundary, author):
        alone = releases.tighten(author, with_note(author, boundary))
        refused(lambda: BoundaryVersion.objects.filter(pk=alone.pk).update(widens=True), "contributed to no part")

    @pytest.mark.parametrize("state", ["approved", "shadow", "active"])
    def test_none_is_added_in_such_a_state(self, boundary, state):
        refused(
            lambda: BoundaryVersion.objects.create(boundary=boundary, number=99, state=state), "contributed to no part"
        )

    @pytest.mark.parametrize("field", ["parent", "number", "ends_at", "boundary"])
    def test_what_was_released_stays_as_it_was_released(self, boundary, author, field, sale_week):
        elsewhere = Boundary.objects.create(name="Elsewhere", currency="USD")
        value = {"parent": sale_week.replaced, "number": 99, "ends_at": None, "boundary": elsewhere}[field]
        same = BoundaryVersion.objects.filter(pk=sale_week.pk)
        refused(lambda: same.update(**{field: value}), "only while it is a draft")

    def test_its_share_only_rises(self, tenth):
        refused(lambda: BoundaryVersion.objects.filter(pk=tenth.pk).update(share=5), "only while it is a draft")

    def test_it_rises_only_once_the_version_rules(self, boundary, author, other):
        draft = releases.draft_from(author, boundary)
        releases.plan(author, draft, share=10, ends_at=None)
        waiting = releases.submit(author, draft)
        refused(lambda: BoundaryVersion.objects.filter(pk=waiting.pk).update(share=20), "only while it is a draft")

    def test_a_rule_stays_with_its_version(self, boundary, author):
        one, another = (releases.draft_from(author, boundary) for _ in range(2))
        rule = refund_rule(one, position=90)
        rule.save()
        refused(lambda: Rule.objects.filter(pk=rule.pk).update(version=another), "stays with it")


class TestPauses:
    @pytest.fixture
    def pause(self, author):
        made = pauses.pause(author, "wrong dates")
        return Pause.objects.filter(pk=made.pk)

    def test_their_scope_stays(self, pause, partner):
        for scope in ({"case_type": "complaint"}, {"action": "refund"}, {"partner": partner}):
            refused(lambda scope=scope: pause.update(**scope), "Cannot update")

    def test_they_are_lifted_by_two_and_never_deleted(self, pause, author):
        now = timezone.now()
        for alone in ({"lifted_at": now}, {"lifted_by": author, "lifted_at": now},
                      {"lift_asked_by": author, "lifted_by": author, "lifted_at": now}):  # fmt: skip
            refused(lambda fields=alone: pause.update(**fields), "violates check constraint")
        refused(pause.delete, "Cannot delete")


@pytest.mark.parametrize("over", [{"spent": "100.01"}, {"spent": "-0.01"}, {"count": 4}])
def test_a_budget_is_never_overspent_nor_used_more_often(partner, over):
    budget = Budget.objects.create(partner=partner, action="refund", currency="USD", limit=100, most=3)
    Budget.objects.filter(pk=budget.pk).update(spent=100, count=3)
    with pytest.raises(IntegrityError), transaction.atomic():
        Budget.objects.filter(pk=budget.pk).update(**over)
