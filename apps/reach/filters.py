"""Which part of the queue somebody looks at: the same for the list, for its counts and for what “take next” takes."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.db.models import Q
from django.http import HttpRequest, QueryDict

from apps.policies.words import CaseType, Seniority

SHOW = {"all": "All", "senior": "Senior", "mine": "Mine", "public": "Public"}
DUE = {"": "Any clock", "over": "Over", "hour": "Within an hour"}


@dataclass(frozen=True, slots=True)
class Filters:
    """`show` is one of SHOW; `brand` a slug, `type` a case type, `language` two letters, `due` one of DUE; empty: any."""

    show: str = "all"
    brand: str = ""
    type: str = ""
    language: str = ""
    due: str = ""

    @property
    def query(self) -> str:
        """As it stands in an address, without what is not chosen."""
        chosen = {name: value for name, value in asdict(self).items() if value and (name, value) != ("show", "all")}
        return urlencode(chosen)

    @property
    def narrowed(self) -> bool:
        """Whether more than a tab is chosen."""
        return bool(self.brand or self.type or self.language or self.due)

    def beside_tab(self, now: datetime) -> Q:
        """What is chosen besides the tab, as a condition on escalations."""
        found = Q()
        if self.brand:
            found &= Q(partner__slug=self.brand)
        if self.type:
            found &= Q(case_type=self.type)
        if self.language:
            found &= Q(language=self.language)
        if self.due:
            found &= Q(due_at__lt=now + (timedelta(hours=1) if self.due == "hour" else timedelta(0)))
        return found

    def where(self, user: User, now: datetime) -> Q:
        return self.beside_tab(now) & tab(self.show, user)


def tab(name: str, user: User) -> Q:
    match name:
        case "senior":
            return Q(seniority=Seniority.SENIOR)
        case "mine":
            return Q(claimed_by=user) | Q(handed_to=user)
        case "public":
            return Q(flagged=True)
    return Q()


def filters_of(request: HttpRequest) -> Filters:
    """What the address says, or what the page sent along as `view`. What is not known is left out."""
    given = request.POST if request.method == "POST" else request.GET
    return filters_in(QueryDict(given["view"]) if "view" in given else given)


def filters_in(given: QueryDict) -> Filters:
    show, kind, due = given.get("show", ""), given.get("type", ""), given.get("due", "")
    return Filters(
        show=show if show in SHOW else "all",
        brand=given.get("brand", "")[:50],
        type=kind if kind in CaseType.values else "",
        language=given.get("language", "")[:8],
        due=due if due in DUE else "",
    )
