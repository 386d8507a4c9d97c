"""The breaker, from the auditor's verdict to the pause, the notice and the case that goes back to people."""

from decimal import Decimal

import pytest
from django.utils import timezone

from apps.interactions import blind, notifying
from apps.interactions.demo import demo_partner
from apps.interactions.models import Interaction, Notice
from apps.learning import audits, betting, breaker, practice
from apps.learning.models import Breaker, CaseAudit, RuleAudits
from apps.policies import editing, pauses, releases
from apps.policies.errors import Moved
from apps.policies.models import Partner, Pause, Rule
from apps.policies.specs import LimitSpec
from apps.policies.targets import USUAL, Targets
from tests import factories
from tests.conftest import STATUS, browser, page
from tests.interactions.test_sandbox import send as send_to
from tests.learning.test_audits import chance, place_of  # noqa: F401
from tests.policies.conftest import released


@pytest.fixture
def user(db):
    return factories.supervisor(first_name="Sam")


@pytest.fixture
def audited(chance, arrive, customer, partner, drain):  # noqa: F811
    """As many answers of the AI as asked for, each to be audited: `audited(5)`."""
    partner.audit_percent, partner.blind_percent = 5, 0
    partner.save()
    chance(5)

    def make(count):
        before = set(CaseAudit.objects.values_list("pk", flat=True))
        for _ in range(count):
            arrive(
                STATUS, order=factories.OrderFactory(customer=factories.CustomerFactory(partner=partner)), work=False
            )
        drain()
        return list(CaseAudit.objects.exclude(pk__in=before))

    return make


def find(user, row, verdict):
    held = audits.take_next(user)
    audits.judge(user, held.pk, place=place_of(held, "Tell where it is"))
    audits.review(user, held.pk, verdict=verdict, wrong_part="action" if verdict == "wrong" else "")


def find_all(user, rows, verdict):
    for row in rows:
        find(user, row, verdict)


class TestTrip:
    def test_what_is_wrong_time_and_again_is_stopped_where_it_was_wrong(self, audited, user, partner):
        find_all(user, audited(5), "wrong")
        assert any(p.covers(partner, "order_status", "reply") and p.action for p in Pause.objects.all())
        narrow = Breaker.objects.get(action="reply", rule="")
        assert narrow.pause.reason == "Breaker: 4 of 4 audits found it wrong, where 2% is the target."
        assert narrow.pause.paused_as == "breaker"

    def test_it_is_told_to_those_on_duty_and_over_when_two_people_let_it_go_on(self, audited, user):
        find_all(user, audited(5), "wrong")
        notice = Notice.objects.get(key=notifying.key_of_trip(Breaker.objects.get(action="reply", rule="").pause_id))
        assert (notice.kind, notice.case_type) == ("breaker", "order_status")
        notifying.watch(timezone.now())
        assert Notice.objects.get(pk=notice.pk).over_at is None
        lift()
        notifying.watch(timezone.now())
        assert Notice.objects.get(pk=notice.pk).over_at is not None

    def test_the_next_case_goes_to_a_person(self, audited, user, arrive, order):
        find_all(user, audited(5), "wrong")
        case = arrive(STATUS, order=order)
        assert (case.state, case.handler) == ("awaiting_decision", "human")
        assert "Breaker" in str(case.ruling.downgrades)

    def test_one_that_is_wrong_among_many_stops_nothing(self, audited, user):
        rows = audited(12)
        find_all(user, rows[:11], "right")
        find(user, rows[11], "wrong")
        assert not Pause.objects.exists()
        assert Breaker.objects.get(action="reply", rule="").wrong == 1
        assert Interaction.objects.filter(state="resolved").count() == 12

    def test_it_counts_in_its_rule_its_type_and_action_its_brand_and_in_everything(self, audited, user, partner):
        find_all(user, audited(2), "right")
        rows = Breaker.objects.values_list("partner", "case_type", "action", "seen", "wrong")
        assert set(rows) == {
            (None, "", "", 2, 0), (partner.pk, "", "", 2, 0), (partner.pk, "order_status", "reply", 2, 0),
            (None, "order_status", "reply", 2, 0),
        }  # fmt: skip

    def test_an_audit_counts_once(self, audited, user):
        (row,) = audited(1)
        find(user, row, "wrong")
        with pytest.raises(Moved):
            audits.review(user, row.pk, verdict="wrong", wrong_part="action")
        assert Breaker.objects.get(action="reply", rule="").seen == 1

    def test_another_target_forgets_nothing(self, audited, user, monkeypatch):
        find_all(user, audited(3), "wrong")
        monkeypatch.setattr(practice, "targets_in", lambda boundary: Targets(0.05))
        find_all(user, audited(1), "right")
        row = Breaker.objects.get(action="reply", rule="")
        assert (row.target, row.seen, row.wrong) == (0.05, 4, 3)
        expected = betting.Detector(0.05, 1.0)
        for wrong in (True, True, True, False):
            expected.add(betting.Audit(wrong))
        assert row.evidence == pytest.approx(expected.evidence.tolist())

    def test_in_everything_the_least_is_that_of_any_brand(self, audited, user, partner):
        demo_partner("seldom", "Seldom")
        Partner.objects.filter(slug="seldom").update(audit_percent=1)
        find_all(user, audited(1), "right")
        assert Breaker.objects.get(partner=None, case_type="").least == 0.01
        assert Breaker.objects.get(partner=partner, case_type="").least == 0.05

    def test_where_more_is_audited_than_foreseen_its_threshold_rises(self, audited, user):
        find_all(user, audited(1), "right")
        Breaker.objects.update(seen=3000, threshold=betting.threshold_for(2000))
        find_all(user, audited(1), "right")
        assert Breaker.objects.get(action="reply", rule="").threshold == betting.threshold_for(3001 * 365 / 28)

    def test_a_type_that_may_be_wrong_more_often_stops_itself_alone(self, audited, user, partner, monkeypatch):
        """Two people let it: then it is neither the brand's nor everybody's error."""
        rows = audited(3)
        find(user, rows[0], "wrong")
        wide = Breaker.objects.filter(case_type="", ramp=None)
        assert [row.seen for row in wide] == [1, 1]
        looser = LimitSpec("l", "error", case_types=frozenset({"order_status"}), target=Decimal("0.5"))
        monkeypatch.setattr(practice, "targets_in", lambda boundary: Targets(limits=(looser,)))
        find_all(user, rows[1:], "wrong")
        assert [row.seen for row in wide.all()] == [1, 1]
        row = Breaker.objects.get(action="reply", ramp=None, rule="")
        assert (row.seen, row.target) == (3, 0.5)
        breaker.regret(CaseAudit.objects.get(pk=rows[0].pk), timezone.now())
        assert [row.seen for row in wide.all()] == [0, 0], "what is reckoned anew leaves out the same"

    def test_let_go_on_by_two_it_begins_anew(self, audited, user):
        find_all(user, audited(5), "wrong")
        lift()
        find_all(user, audited(1), "right")
        again = Breaker.objects.get(action="reply", rule="")
        assert (again.seen, again.wrong, again.pause) == (1, 0, None)
        assert Pause.objects.filter(lifted_at=None).count() == 0

    def test_where_fewer_are_drawn_than_before_all_is_reckoned_anew(self, audited, user, partner):
        """Each stands for as many as it was drawn of: what is drawn more seldom would count for too little otherwise."""
        find_all(user, audited(1), "right")
        Breaker.objects.update(least=0.5)
        find_all(user, audited(1), "wrong")
        assert Breaker.objects.get(action="reply", rule="").least == 0.05
        expected = betting.Detector(USUAL, 1.0, 0.05)
        expected.add(betting.Audit(False, 0.05))
        expected.add(betting.Audit(True, 0.05))
        assert Breaker.objects.get(action="reply", rule="").evidence == pytest.approx(expected.evidence.tolist())


class TestRule:
    """A rule without a ramp has a breaker of its own over all brands of its boundary."""

    @pytest.fixture
    def twin(self, partner):
        """Another brand under the same boundary."""
        twin = demo_partner("twin", "Twin")
        Partner.objects.filter(pk=twin.pk).update(audit_percent=5, blind_percent=0)
        return Partner.objects.get(pk=twin.pk)

    @pytest.fixture
    def of_both(self, audited, chance, partner, twin, drain):  # noqa: F811
        """So many answers in each of two brands, each to be audited."""

        def make(count):
            mine, sent = audited(count), twin.interactions.count()
            for number in range(sent, sent + count):
                order = factories.OrderFactory(customer=factories.CustomerFactory(partner=twin))
                send_to(twin, STATUS, order, number)
            drain()
            return [*mine, *CaseAudit.objects.filter(partner=twin, state="open")]

        return make

    def test_it_trips_where_no_brand_alone_shows_enough(self, of_both, user, boundary, partner, twin):
        rows = of_both(2)
        find_all(user, rows, "wrong")
        row = Breaker.objects.get(boundary=boundary)
        assert (row.seen, row.wrong, row.case_type, row.action) == (4, 4, "order_status", "reply")
        assert row.scope_in_words().startswith(f"a rule of {boundary}: ")
        assert row.pause.covers(partner, "order_status", "reply")
        assert row.pause.covers(twin, "order_status", "reply")
        assert not Breaker.objects.filter(partner__isnull=False, case_type="order_status", pause__isnull=False).exists()
        assert practice.stops_of(boundary)["order_status", "reply"] == row.pause.paused_at

    def test_the_same_rule_in_another_version_and_place_counts_on(self, of_both, user, boundary, author, other):
        find_all(user, of_both(1), "wrong")
        draft = releases.draft_from(author, boundary)
        key = tells(draft).spec().key
        editing.save(author, Rule(version=draft, case_type="order_status", handler="human", seniority="senior",
                                  conditions=[{"fact": "customer.tier", "operator": "is", "value": "vip"}]))  # fmt: skip
        editing.move(author, tells(draft), up=False)
        assert tells(draft).spec().key != key
        released(author, other, draft)
        find_all(user, of_both(1), "right")
        row = Breaker.objects.get(boundary=boundary)
        assert (row.seen, row.wrong) == (4, 2)
        breaker.regret(CaseAudit.objects.filter(verdict="right").first(), timezone.now())
        assert Breaker.objects.get(boundary=boundary).seen == 4, "reckoned anew over both versions"

    def test_a_rule_that_says_something_else_is_another(self, audited, user, boundary, author, other):
        rows = audited(2)
        find_all(user, rows, "right")
        draft = releases.draft_from(author, boundary)
        rule = tells(draft)
        rule.conditions = [
            *rule.conditions,
            {"fact": "order.total", "operator": "≥", "value": {"amount": "1.00", "currency": "USD"}},
        ]
        editing.save(author, rule)
        released(author, other, draft)
        find_all(user, audited(1), "right")
        assert [row.seen for row in Breaker.objects.filter(boundary=boundary).order_by("pk")] == [2, 1]
        for row in CaseAudit.objects.all():
            breaker.regret(row, timezone.now())
        assert [row.seen for row in Breaker.objects.filter(boundary=boundary).order_by("pk")] == [2, 1], "reckoned anew"

    def test_where_its_type_and_action_trips_by_the_same_audits_two_people_lift_one_pause(self, audited, user):
        find_all(user, audited(5), "wrong")
        of_kind, of_rule = Breaker.objects.filter(action="reply").order_by("rule")
        assert of_kind.pause == of_rule.pause
        assert of_rule.rule_says
        lift()
        find_all(user, audited(1), "right")
        assert {row.pause for row in Breaker.objects.filter(action="reply")} == {None}

    @pytest.fixture
    def at_least(self, boundary):
        """So much of what the rule lets the AI do is audited, whatever the brand."""
        version = boundary.active_version
        row = RuleAudits(version=version, rule=tells(version).spec().key, settled_at=timezone.now())

        def put(share):
            row.audited = share
            row.save()

        return put

    def test_one_that_seldom_decides_is_stopped_as_soon_as_any(self, audited, user, boundary, at_least, monkeypatch):
        """All of it is audited, to come to the weekly minimum: each audit stands for itself, not for a share of 5 %."""
        at_least(1.0)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent > 5)
        rows = audited(4)
        assert {row.probability for row in rows} == {Decimal(1)}
        find_all(user, rows, "wrong")
        assert Breaker.objects.get(boundary=boundary).pause is not None
        assert Breaker.objects.get(action="reply", rule="").pause is None, "where other rules are drawn more seldom"

    def test_where_a_brand_draws_as_much_by_itself_its_share_counts(
        self, of_both, user, boundary, twin, at_least, monkeypatch
    ):
        at_least(0.2)
        Partner.objects.filter(pk=twin.pk).update(audit_percent=50)
        monkeypatch.setattr(blind, "drawn", lambda percent: percent > 5)
        find_all(user, of_both(2), "right")
        row = Breaker.objects.get(boundary=boundary)
        assert row.least == 0.05
        expected = betting.Detector(USUAL, 1.0, 0.05)
        for share in (0.2, 0.2, 0.5, 0.5):
            expected.add(betting.Audit(False, share))
        assert row.evidence == pytest.approx(expected.evidence.tolist())

    def test_what_was_decided_before_two_people_let_it_go_on_counts_no_more(self, audited, user):
        """Their audits were drawn before the trip, and are judged after what was wrong is mended."""
        rows = audited(9)
        find_all(user, rows[:4], "wrong")
        lift()
        find_all(user, rows[4:], "wrong")
        row = Breaker.objects.get(action="reply", rule="")
        assert (row.seen, row.wrong, row.pause) == (0, 0, None)
        assert not Pause.objects.filter(lifted_at=None).exists()
        breaker.regret(rows[0], timezone.now())
        assert Breaker.objects.get(pk=row.pk).seen == 0
        find_all(user, audited(1), "right")
        assert Breaker.objects.get(pk=row.pk).seen == 1


class TestStanding:
    def test_it_is_on_probation_until_enough_was_found_right(self, audited, user, monkeypatch):
        find_all(user, audited(3), "right")
        row = Breaker.objects.get(action="reply", rule="")
        standing = breaker.standing_of(row)
        assert (standing.rate, standing.on_probation) == (0.0, True)
        assert standing.bound == betting.upper([betting.Audit(False)] * 3)
        monkeypatch.setattr(betting, "upper", lambda *bets, **more: 0.01)
        assert not breaker.standing_of(row).on_probation

    def test_who_has_some_brands_sees_the_rules_that_rule_no_other(self, audited, user, partner, boundary):
        find_all(user, audited(1), "right")
        manager = factories.ops_manager(remit={"all_partners": False})
        manager.remit.partners.add(partner)
        rule = Breaker.objects.get(boundary=boundary)
        address = f"/admin/learning/breaker/{rule.pk}/change/"
        assert rule.rule_says in page(browser(manager), address)
        demo_partner("twin", "Twin")
        assert browser(manager).get(address).status_code == 302, "another brand's now, too"

    def test_ops_managers_see_where_it_stands(self, audited, user):
        find_all(user, audited(2), "wrong")
        client = browser(factories.ops_manager())
        assert "Order status" in page(client, "/admin/learning/breaker/")
        shown = page(client, f"/admin/learning/breaker/{Breaker.objects.get(action='reply', rule='').pk}/change/")
        assert "100.0% ± 0.0%" in shown
        assert "on probation" in shown
        assert client.get("/admin/learning/breaker/add/").status_code == 403


def tells(version):
    """The rule that lets the AI tell where an order is."""
    return version.rules.get(case_type="order_status", action="reply", handler="autonomous")


def lift():
    one, other = factories.ops_manager(), factories.ops_manager()
    for pause in Pause.objects.filter(lifted_at=None):
        pauses.lift(one, pause.pk, "we mended it")
        pauses.lift(other, pause.pk, "seen")
