"""The stage of a rehearsal through the real pipeline: a database of its own, a clock that is set, a brand and its people.

with own_database(), Clock(at) as clock:
    stage = Stage(world, …)     brand, Terms, articles, boundary, supervisors, two ops managers
    stage.bring(arrivals, …)    what customers send, at the clock's time
    stage.work()                all that workers would do
"""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

import time_machine
from django.contrib.auth.models import Group, User
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from apps.interactions import submitting, tasks
from apps.interactions.demo import settings_for_types
from apps.interactions.models import Interaction
from apps.learning.rehearsal.world import Arrival, World
from apps.policies import audit, columnar, editing, releases, replaying, staff
from apps.policies.models import (
    Boundary,
    BoundaryVersion,
    Guardrail,
    Partner,
    PartnerStage,
    Remit,
    Rule,
    Terms,
)
from apps.policies.specs import GuardrailSpec, RuleSpec
from apps.policies.words import CaseType
from apps.policies.words import Stage as Live

ACTOR = audit.system("rehearsal")
SLUG = "rehearsal"
_ENOUGH = Decimal(1_000_000)  # what one of the invented people may decide
MOST_ROUNDS = 10_000


@contextmanager
def own_database() -> Iterator[None]:
    """A database beside the configured one, made for the rehearsal and dropped after it: no brand is touched."""
    before = connection.settings_dict["NAME"]
    connection.settings_dict["TEST"]["NAME"] = f"rehearsal_{os.getpid()}"
    logging.disable(logging.WARNING)
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(before, verbosity=0)
        logging.disable(logging.NOTSET)


class Clock:
    """Every clock of this process stands still until it is set."""

    def __init__(self, at: datetime) -> None:
        self._travel = time_machine.travel(at, tick=False)

    def __enter__(self) -> "Clock":
        self._at = self._travel.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._travel.stop()

    def set(self, at: datetime) -> None:
        """Clocks only go forward."""
        self._at.move_to(max(at, timezone.now()))


class Stage:
    """`blind` is the percentage of people's cases that are judged blind, `target` the error that the boundary allows."""

    def __init__(self, world: World, *, blind: float, target: float, audited: float = 5) -> None:
        self.world = world
        settings_for_types()
        self.authors = [_person(name, staff.OPS_MANAGER) for name in ("Ola", "Pim")]
        self.people = {name: _person(name, staff.SENIOR) for name in world.people}
        self.boundary = self._boundary(target)
        self.partner = self._brand(round(blind), round(audited))
        for sort, put in (("articles", submitting.submit_article), ("products", submitting.submit_product)):
            for name, said in world.shop()[sort].items():
                put(self.partner, name, said, actor=ACTOR)
        self.arrivals: dict[str, Arrival] = {}

    def _brand(self, blind: int, audited: int) -> Partner:
        partner = Partner.objects.create(
            slug=SLUG, name="Rehearsal", currency="USD", time_zone="UTC", blind_percent=blind, audit_percent=audited,
            connector=Partner.Connector.SIMULATOR, boundary=self.boundary,
        )  # fmt: skip
        Terms.objects.create(partner=partner, number=1, active=True, **self.world.shop()["terms"])
        PartnerStage.objects.bulk_create(
            PartnerStage(partner=partner, case_type=case_type, stage=Live.LIVE) for case_type in CaseType
        )
        return partner

    def _boundary(self, target: float) -> Boundary:
        """The world's rules and guardrails, and its error target, as two people release them."""
        boundary = Boundary.objects.create(name="Rehearsal", currency="USD")
        draft = releases.draft_from(self.authors[0], boundary)
        for rule in self.world.rules():
            editing.save(self.authors[0], rule_of(draft, rule))
        for guardrail in self.world.guardrails():
            editing.save(self.authors[0], _guardrail(draft, guardrail))
        error = Guardrail(version=draft, kind=Guardrail.Kind.ERROR, target=Decimal(str(target)))
        editing.save(self.authors[0], error)
        self.release(draft)
        return boundary

    def release(self, draft: BoundaryVersion) -> BoundaryVersion:
        """Replayed where there is a history, submitted by one, approved by the other, and active at once."""
        if replaying.is_missing(draft):
            _replay(self.authors[0], draft)
        releases.submit(self.authors[0], draft)
        releases.approve(self.authors[1], BoundaryVersion.objects.get(pk=draft.pk))
        return releases.activate(self.authors[0], BoundaryVersion.objects.get(pk=draft.pk))

    def bring(self, arrivals: Sequence[Arrival], at: datetime) -> None:
        """Their orders as the shop knows them, and what they write, all at one time."""
        for arrival in arrivals:
            self.arrivals[arrival.key] = arrival
            customers, orders = self.world.mirrored(arrival, at)
            for customer in customers:
                submitting.submit_customer(self.partner, customer["external_id"], customer, actor=ACTOR, as_of=at)
            for order in orders:
                submitting.submit_order(self.partner, order["number"], order, actor=ACTOR, as_of=at)
            said = self.world.message(arrival, at)
            submitting.submit_interaction(self.partner, said, actor=ACTOR, as_sent=True, wake=False)

    def work(self) -> None:
        """All that is due, and the wake-up calls that nobody listens to here."""
        for _ in range(MOST_ROUNDS):
            if not tasks.one_round():
                break
        else:
            raise RuntimeError("the work does not end")
        OrmQ.objects.all().delete()

    def arrival_of(self, case: Interaction) -> Arrival:
        return self.arrivals[case.external_id]


def _replay(author: User, draft: BoundaryVersion) -> None:
    columnar.build(timezone.now())
    asked = replaying.ask(author, draft)
    replaying.run(asked.pk)


def _person(name: str, role: str) -> User:
    user = User.objects.create_user(name.lower(), first_name=name, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    Remit.objects.create(user=user, all_partners=True, amount_per_decision=_ENOUGH, amount_per_day=_ENOUGH)
    return user


def rule_of(draft: BoundaryVersion, spec: RuleSpec) -> Rule:
    return Rule(
        version=draft, case_type=spec.case_type, handler=spec.handler, action=spec.action,
        ceiling=spec.ceiling.amount if spec.ceiling else None,
        conditions=[condition.as_json() for condition in spec.conditions],
    )  # fmt: skip


def _guardrail(draft: BoundaryVersion, spec: GuardrailSpec) -> Guardrail:
    return Guardrail(
        version=draft, conditions=[condition.as_json() for condition in spec.conditions],
        actions=sorted(spec.actions), case_types=sorted(spec.case_types),
    )  # fmt: skip
