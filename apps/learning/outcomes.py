"""The alarm of outcomes: are the AI's cases reopened, disliked or charged back more often than they used to be?

    look(now)      once a week and brand; raises a notice where it is too much for chance

Outcomes come late and are not drawn, so they estimate no error and stop nothing: somebody looks. Cases are compared at the
same age, those of the last four weeks that have reached it with those of the year before, or with people's where the AI is
new. The test is Fisher's exact one (1935), one-sided; what all looks of a year may spend on one type is 5 %.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from scipy.stats import hypergeom

from apps.interactions import notifying
from apps.interactions.models import DecisionRecord, Notice, Outcome
from apps.interactions.models.outcome import BAD_SCORE
from apps.learning import breaker
from apps.learning.models import CaseAudit, OutcomeLook
from apps.policies.models import Partner
from apps.policies.words import Action, CaseType

SORTS = {
    "reopened": ("came back", Q(kind=Outcome.Kind.REOPENED)),
    "disliked": ("were disliked", Q(kind__in=Outcome.SCORED, score__lte=BAD_SCORE)),
    "regretted": ("were charged back or fraud", Q(kind__in=Outcome.ERRORS)),
}
AGES = (7, 30, 90)  # days since the decision
LATELY, USUALLY = timedelta(days=28), timedelta(days=365)
FEWEST = 50  # cases of the AI's own to compare with
LEVEL = 0.05 / 52 / len(SORTS) / len(AGES)
_DONE = ("committed", "executing", "executed", "reversed")


@dataclass(frozen=True, slots=True)
class Compared:
    """Of one type and brand at one age in days: how many of the AI's late cases ended so, and of those they are compared with,
    which the AI decided before, or people did. `chance`: of so many or more, if nothing had changed."""

    case_type: str
    sort: str
    age: int
    late: int
    late_of: int
    usual: int
    usual_of: int
    by_people: bool

    @property
    def chance(self) -> float:
        every, bad = self.late_of + self.usual_of, self.late + self.usual
        return float(hypergeom.sf(self.late - 1, every, bad, self.late_of)) if self.late else 1.0

    @property
    def alarms(self) -> bool:
        return self.chance <= LEVEL

    def in_words(self) -> str:
        whose = "of people's" if self.by_people else "before"
        usual = f"{self.usual} of {self.usual_of:,} {whose}"
        return (
            f"{CaseType(self.case_type).label}: {self.late} of {self.late_of:,} that the AI decided lately "
            f"{SORTS[self.sort][0]} within {self.age} days, {usual}"
        )


def look(now: datetime) -> int:
    """Look at every brand of which outcomes are known and which was not looked at this week; returns how many alarms."""
    monday = now.date() - timedelta(days=now.weekday())
    brands = Partner.objects.real().filter(Exists(Outcome.objects.filter(partner=OuterRef("pk"))))
    seen = OutcomeLook.objects.filter(week=monday).values("partner")
    return sum(_look_at(partner, monday, now) for partner in brands.exclude(pk__in=seen))


def _look_at(partner: Partner, monday: date, now: datetime) -> int:
    rows = sorted(compared(partner, now), key=lambda row: (row.chance, row.case_type, row.age))
    alarms = [row for row in rows if row.alarms]
    with transaction.atomic():
        said = [{**asdict(row), "chance": row.chance} for row in rows]
        kept, created = OutcomeLook.objects.get_or_create(
            partner=partner, week=monday, defaults={"rows": said, "alarms": len(alarms)}
        )
        if created and alarms:
            more = f" And {len(alarms) - 1} more." if len(alarms) > 1 else ""
            notifying.raise_notice(
                Notice.Kind.OUTCOMES, f"outcomes:{kept.pk}", f"{partner.name}: {alarms[0].in_words()}.{more}",
                f"/admin/learning/outcomelook/{kept.pk}/change/", now, partner=partner, case_type=alarms[0].case_type,
            )  # fmt: skip
    return len(alarms) if created else 0


def compared(partner: Partner, now: datetime) -> Iterator[Compared]:
    """What there is to compare; nothing where the AI decided nothing lately."""
    for age in AGES:
        reached = now - timedelta(days=age)
        for sort in SORTS:
            late, usual, people = (
                _counts(of, sort, age)
                for of in (
                    _decided(partner, reached - LATELY, reached).filter(how=DecisionRecord.How.ALONE),
                    _decided(partner, reached - LATELY - USUALLY, reached - LATELY).filter(
                        how=DecisionRecord.How.ALONE
                    ),
                    _decided(partner, reached - LATELY - USUALLY, reached).filter(decided_by__isnull=False),
                )
            )
            for case_type, (bad, count) in late.items():
                by_people = usual[case_type][1] < FEWEST
                against = people[case_type] if by_people else usual[case_type]
                yield Compared(case_type, sort, age, bad, count, *against, by_people)


def _decided(partner: Partner, since: datetime, until: datetime) -> QuerySet[DecisionRecord]:
    return DecisionRecord.objects.filter(
        partner=partner, decided_at__gte=since, decided_at__lt=until, state__in=_DONE
    ).order_by()


def _counts(decided: QuerySet[DecisionRecord], sort: str, age: int) -> defaultdict[str, tuple[int, int]]:
    """Bad and all, by type. A case counts once, by what was decided last, and not by a question before that. Of what is
    disliked, all are those that were scored."""
    decided = decided.exclude(action=Action.ASK_CUSTOMER)
    later = decided.filter(interaction=OuterRef("interaction"), decided_at__gt=OuterRef("decided_at"))
    decided = decided.filter(~Exists(later))
    ended = Outcome.objects.filter(
        interaction=OuterRef("interaction"), at__gte=OuterRef("decided_at"),
        at__lt=OuterRef("decided_at") + timedelta(days=age),
    )  # fmt: skip
    if sort == "disliked":
        decided = decided.filter(Exists(ended.filter(kind__in=Outcome.SCORED)))
    rows = decided.annotate(bad=Exists(ended.filter(SORTS[sort][1]))).values("ruling__case_type").annotate(
        wrong=Count("pk", filter=Q(bad=True)), count=Count("pk")
    )  # fmt: skip
    found: defaultdict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        found[row["ruling__case_type"]] = (row["wrong"], row["count"])
    return found


def regret(sender: object, outcome: Outcome, now: datetime, **kwargs: object) -> None:
    """What the AI did alone turned out an error: breakers that counted an audit of it as right reckon anew. An audit that is
    just being judged is waited for, and counts it by itself."""
    if outcome.kind not in Outcome.ERRORS:
        return
    of_case = CaseAudit.objects.filter(
        kind=CaseAudit.Kind.ALONE, decision__interaction=outcome.interaction, decision__decided_at__lte=outcome.at
    )
    locked = list(of_case.select_for_update(no_key=True, of=("self",)).values_list("pk", flat=True))
    found_right = CaseAudit.objects.filter(pk__in=locked, state=CaseAudit.State.DONE, verdict=CaseAudit.Verdict.RIGHT)
    for row in found_right.select_related("decision", "partner", "ramp"):
        breaker.regret(row, now)


def chance_in_words(chance: float) -> str:
    """ "1 in 9,360"; in percent where that is easier to read."""
    return f"{chance:.0%}" if chance >= 0.01 else f"1 in {round(1 / max(chance, 1e-12)):,}"


def rows_in_words(look: OutcomeLook) -> Sequence[tuple[Compared, float]]:
    return [(Compared(**{k: v for k, v in row.items() if k != "chance"}), row["chance"]) for row in look.rows]
