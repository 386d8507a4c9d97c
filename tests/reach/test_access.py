"""Every address, as every role and as nobody."""

import uuid

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.interactions.models import DecisionRecord
from apps.policies import staff
from apps.policies.models import Pause
from tests import factories
from tests.deciding import decide

ROLES = (
    staff.SUPERVISOR,
    staff.SENIOR,
    staff.OPS_MANAGER,
    staff.OPERATOR,
    staff.AUDITOR,
    staff.PARTNER,
    "administrator",
    "no role",
    "nobody",
)
DECIDERS = {staff.SUPERVISOR, staff.SENIOR, "administrator"}
SEES_QUEUE = DECIDERS | {staff.OPS_MANAGER, staff.AUDITOR}
EVERYBODY = set(ROLES)

# Who gets in by GET (or, for an act, by POST). What is not in here is an admin page, ruled by the permissions below.
PAGES = {
    "health": EVERYBODY,
    "sign-in": EVERYBODY,
    "sign-out": EVERYBODY,
    "home": EVERYBODY - {"nobody"},
    "queue": SEES_QUEUE,
    "queue-list": SEES_QUEUE,
    "case": SEES_QUEUE,
    "signals": SEES_QUEUE,
    "numbers": SEES_QUEUE,
    "trace": SEES_QUEUE,
    "packet": SEES_QUEUE,
    "find": SEES_QUEUE,
    "life": SEES_QUEUE,
    "save-view": SEES_QUEUE,
    "forget-view": SEES_QUEUE,
    "colleagues": DECIDERS,
    "peek": DECIDERS,
    "coach": {staff.OPS_MANAGER, "administrator"},
    "check": DECIDERS,
    "alike": DECIDERS,
    "alike-decide": DECIDERS,
    "alike-undo": DECIDERS,
    "audits": SEES_QUEUE,
    "flow": SEES_QUEUE,
    "notices": SEES_QUEUE,
    "acknowledge": SEES_QUEUE - {staff.AUDITOR},
    "insights": SEES_QUEUE | {staff.PARTNER},
    "insights-csv": SEES_QUEUE | {staff.PARTNER},
    "handover": SEES_QUEUE,
    "flow-live": SEES_QUEUE,
    "flow-path": SEES_QUEUE,
    "flow-replay": SEES_QUEUE - {staff.AUDITOR},
    **dict.fromkeys(("audit-next", "audit-judge", "audit-review", "audit-skip"), DECIDERS),
    **dict.fromkeys(
        (
            "next", "claim", "decide", "ask", "second", "skip", "release", "senior", "hand", "judge", "dismiss", "note", "heartbeat",
            "leave", "undo",
        ),
        DECIDERS,
    ),
}  # fmt: skip
ACTS = {
    "next", "claim", "decide", "ask", "second", "skip", "release", "senior", "hand", "judge", "dismiss", "note", "heartbeat", "leave",
    "undo", "save-view", "forget-view", "audit-next", "audit-judge", "audit-review", "audit-skip",
    "alike-decide", "alike-undo", "flow-replay", "acknowledge", "check",
}  # fmt: skip


def patterns(resolver=None, prefix=""):
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern):
            yield prefix + str(pattern.pattern), pattern


@pytest.fixture
def people(held):
    """One browser a role, and a case that has everything: held, decided, with a pause beside it."""
    decide(held)
    Pause.objects.create(reason="a test", paused_by=held[0])
    clients = {}
    for role in ROLES:
        clients[role] = Client()
        if role == "administrator":
            clients[role].force_login(factories.UserFactory(is_superuser=True))
        elif role == "no role":
            clients[role].force_login(factories.UserFactory())
        elif role != "nobody":
            clients[role].force_login(factories.UserFactory(role=role))
    return clients


def allowed(answer) -> bool:
    """Whether somebody got in: not sent to sign in, and not refused."""
    if answer.status_code in (301, 302):
        return not any(door in answer["Location"] for door in ("/sign-in/", "/admin/login/"))
    return answer.status_code not in (401, 403, 404)


def test_reach_lets_in_whom_it_should_and_nobody_else(people, escalated):
    ids = {
        "escalation_id": escalated.pk,
        "decision_id": DecisionRecord.objects.get().pk,
        "reference": escalated.interaction.reference,
        "view_id": 1,
        "audit_id": 1,
        "notice_id": 1,
        "version": 1,
        "scenario": "return",
        "name": "journey",
        "joint": uuid.uuid4(),
    }
    seen = set()
    for route, pattern in patterns():
        if route.startswith(("admin/", "api/", "^api", "chat/", "hooks/")):
            continue  # ruled by permissions, keys, tokens and signatures: no log-in opens or closes them
        assert pattern.name in PAGES, f"{route} says nowhere who may open it"
        seen.add(pattern.name)
        address = "/" + route
        for place, value in ids.items():
            address = address.replace(f"<int:{place}>", str(value)).replace(f"<uuid:{place}>", str(value))
            address = address.replace(f"<slug:{place}>", str(value))
        if pattern.name == "sign-out":
            continue  # leads everybody to the sign-in page
        for role, client in people.items():
            answer = client.post(address) if pattern.name in ACTS else client.get(address)
            assert allowed(answer) is (role in PAGES[pattern.name]), f"{role} at {address}: {answer.status_code}"
    assert seen == set(PAGES)


@pytest.mark.parametrize("name", sorted(ACTS))
def test_an_act_is_refused_by_get(people, escalated, name):
    from django.urls import reverse

    argument = [] if name in ("next", "save-view", "audit-next") else [escalated.pk]
    argument = [uuid.uuid4()] if name == "alike-undo" else argument
    assert people[staff.SUPERVISOR].get(reverse(f"reach:{name}", args=argument)).status_code == 405


def test_the_admin_shows_each_role_what_its_permissions_say(people):
    for model, options in admin.site._registry.items():
        base = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        row = model._default_manager.first()
        for role, client in people.items():
            request = client.get("/").wsgi_request
            may = {verb: request.user.is_authenticated and request.user.has_perm(f"{model._meta.app_label}.{verb}_{model._meta.model_name}")
                   for verb in ("view", "add", "change", "delete")}  # fmt: skip
            sees = bool(may["view"] or may["change"])
            assert allowed(client.get(base)) is sees, f"{role} at {base}"
            if row is not None and sees and not hasattr(options, "partner_path"):
                assert allowed(client.get(f"{base}{row.pk}/change/")) is True, f"{role} at {base}{row.pk}"
            adds = bool(may["add"]) and options.has_add_permission(request)
            assert allowed(client.get(f"{base}add/")) is adds, f"{role} adding to {base}"


def test_an_auditor_reads_everything_and_changes_nothing(people):
    client = people[staff.AUDITOR]
    user = client.get("/").wsgi_request.user
    for model in admin.site._registry:
        if model._meta.app_label in ("policies", "interactions", "learning"):
            assert user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}")
        for verb in ("add", "change", "delete"):
            assert not user.has_perm(f"{model._meta.app_label}.{verb}_{model._meta.model_name}"), model


RIGHTS = {
    "learning.judge_caseaudit": {staff.SUPERVISOR, staff.SENIOR},
    "learning.decide_refinement": {staff.OPS_MANAGER},
    "interactions.adopt_readingmodel": {staff.OPS_MANAGER},
    "policies.approve_boundaryversion": {staff.OPS_MANAGER},
    "policies.activate_boundaryversion": {staff.OPS_MANAGER},
    "policies.agree_partnerrelease": {staff.OPS_MANAGER},
    "interactions.decide_escalation": {staff.SUPERVISOR, staff.SENIOR},
    "interactions.decide_senior": {staff.SENIOR},
    "interactions.retry_interaction": {staff.OPERATOR},
    "interactions.onboard_brand": {staff.OPERATOR},
    "interactions.settle_effect": {staff.OPERATOR},
}
RELEASED = ("boundary", "boundaryversion", "rule", "guardrail", "partnerrelease", "pause", "remit")
RECORDED = ("partner", "partnerstage", "terms", "ruling", "auditentry", "budget", "effect", "decisionrecord")


def holders(codename, label):
    """The roles that hold a right."""
    groups = Group.objects.filter(permissions__codename=codename, permissions__content_type__app_label=label)
    return set(groups.values_list("name", flat=True))


def test_each_right_of_its_own_is_held_by_the_roles_it_is_for_and_by_no_other(db):
    everyday = Q()
    for verb in ("add", "change", "delete", "view"):
        everyday |= Q(codename__startswith=f"{verb}_")
    ours = Permission.objects.filter(content_type__app_label__in=("policies", "interactions", "learning"))
    rights = [(right.content_type.app_label, right.codename) for right in ours.exclude(everyday)]
    assert {f"{label}.{codename}": holders(codename, label) for label, codename in rights} == RIGHTS


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        *((name, {staff.OPS_MANAGER}) for name in RELEASED),
        *((name, set()) for name in RECORDED),
        ("apikey", {staff.OPERATOR}),
    ],
)
def test_what_the_ai_may_do_is_changed_by_ops_managers_and_what_it_did_by_nobody(db, name, roles):
    (label,) = ContentType.objects.filter(model=name).values_list("app_label", flat=True)
    assert holders(f"add_{name}", label) == holders(f"change_{name}", label) == roles


def test_no_role_makes_log_ins_or_roles(db):
    assert not Permission.objects.filter(group__isnull=False, content_type__app_label="auth").exists()


def test_a_right_that_was_given_to_a_role_by_hand_goes_when_the_roles_are_set_up(db):
    auditors = Group.objects.get(name=staff.AUDITOR)
    auditors.permissions.add(Permission.objects.get(codename="approve_boundaryversion"))
    staff.synchronise_groups()
    assert holders("approve_boundaryversion", "policies") == {staff.OPS_MANAGER}


def test_rows_of_another_brand_are_not_shown_in_the_admin(escalated):
    stranger = factories.UserFactory(role=staff.AUDITOR, remit={"all_partners": False})
    client = Client()
    client.force_login(stranger)
    case = escalated.interaction
    assert client.get(f"/admin/interactions/interaction/{case.pk}/change/").status_code == 302
    assert case.external_id not in client.get("/admin/interactions/interaction/").content.decode()
    assert case.external_id not in client.get("/admin/policies/auditentry/").content.decode()
