"""The people of a demo: one log-in for each role, two ops managers so that a release has its second person."""

from dataclasses import dataclass
from decimal import Decimal

from django.contrib.auth.models import Group, User
from django.db import transaction

from apps.policies import staff
from apps.policies.models import Partner, Remit

PASSWORD = "remit-demo"


@dataclass(frozen=True, slots=True)
class Person:
    username: str
    first_name: str
    last_name: str
    role: str
    amount_per_decision: Decimal = Decimal(0)
    amount_per_day: Decimal = Decimal(0)
    brands: tuple[str, ...] = ()  # none: all of them

    @property
    def does(self) -> str:
        return _DOES.get(self.role, "everything")


_DOES = {
    staff.SUPERVISOR: "decides cases in Reach",
    staff.SENIOR: "decides cases for seniors too, and larger amounts",
    staff.OPS_MANAGER: "writes and releases boundaries",
    staff.OPERATOR: "looks after stalled cases, effects, workers and API keys",
    staff.AUDITOR: "reads everything, changes nothing",
    staff.PARTNER: "of the brand Glow & Co: reads what is theirs",
}

PEOPLE = (
    Person("sam", "Sam", "Okafor", staff.SUPERVISOR, Decimal("500.00"), Decimal("2000.00")),
    Person("ines", "Ines", "Marchetti", staff.SENIOR, Decimal("2500.00"), Decimal("10000.00")),
    Person("olga", "Olga", "Brandt", staff.OPS_MANAGER),
    Person("piet", "Piet", "de Wit", staff.OPS_MANAGER),
    Person("otto", "Otto", "Lindqvist", staff.OPERATOR),
    Person("ada", "Ada", "Nwosu", staff.AUDITOR),
    Person("brit", "Brit", "Solheim", staff.PARTNER, brands=("glow",)),
    Person("admin", "Alex", "Kim", ""),
)


def hire() -> None:
    """Make the log-ins that are missing; those that are there keep what was changed about them."""
    for person in PEOPLE:
        with transaction.atomic():
            user, created = User.objects.get_or_create(
                username=person.username,
                defaults={
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "email": f"{person.username}@staff.example",
                    "is_staff": True,
                    "is_superuser": not person.role,
                },
            )
            if not created:
                continue
            user.set_password(PASSWORD)
            user.save()
            if person.role:
                user.groups.add(Group.objects.get(name=person.role))
            remit = Remit.objects.create(
                user=user,
                all_partners=not person.brands,
                amount_per_decision=person.amount_per_decision,
                amount_per_day=person.amount_per_day,
            )
            remit.partners.set(Partner.objects.filter(slug__in=person.brands))
