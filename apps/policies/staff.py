"""The groups of staff and what each may do; kept in step with the code after every migration."""

from typing import Any

from django.apps import apps as registry
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db.models.signals import post_migrate

SUPERVISOR, SENIOR, OPS_MANAGER = "Supervisor", "Senior supervisor", "Ops manager"
OPERATOR, AUDITOR, PARTNER = "Operator", "Auditor", "Partner"

_EVERYTHING_OURS = ("policies", "interactions", "learning")

_DECIDES = {
    "interactions.view_escalation",
    "interactions.decide_escalation",
    "interactions.view_interaction",
    "learning.view_signal",
    "interactions.view_usertoken",
    "interactions.add_usertoken",
    "interactions.change_usertoken",
    "learning.judge_caseaudit",  # and not view: nobody who judges reads in the admin what was done
}
_READS_BOUNDARIES = {
    f"policies.view_{name}"
    for name in (
        "boundary",
        "boundaryversion",
        "rule",
        "guardrail",
        "partner",
        "partnerstage",
        "terms",
        "pause",
        "ramp",
    )
}
_OPS = (
    {
        f"policies.{verb}_{name}"
        for verb in ("add", "change")
        for name in ("boundary", "boundaryversion", "rule", "guardrail")
    }
    | {f"policies.delete_{name}" for name in ("rule", "guardrail")}
    | {"policies.approve_boundaryversion", "policies.activate_boundaryversion"}
    | {"policies.view_partnerrelease", "policies.add_partnerrelease", "policies.change_partnerrelease"}
    | {"policies.agree_partnerrelease", "policies.view_replay", "policies.view_shadowruling"}
    | {"policies.add_pause", "policies.change_pause", "policies.view_ruling", "policies.view_auditentry"}
    | {"policies.view_remit", "policies.change_remit", "policies.add_remit"}
    | {f"interactions.{verb}_{name}" for verb in ("view", "change") for name in ("casetypesetting", "reasoncode")}
    | {f"interactions.{verb}_shift" for verb in ("view", "add", "change", "delete")}
    | {"interactions.view_notice", "interactions.view_delivery"}
    | {f"interactions.{verb}_article" for verb in ("view", "add", "change", "delete")}
    | {"interactions.view_product", "interactions.view_alarmword", "interactions.add_alarmword"}
    | {f"interactions.{verb}_modeloptin" for verb in ("view", "add", "change", "delete")}
    | {"interactions.view_outsidemodel", "interactions.view_modelcall", "interactions.view_modelspend"}
    | {"interactions.view_interaction", "interactions.view_escalation", "interactions.view_decisionrecord"}
    | {
        "interactions.view_effect",
        "interactions.view_budget",
        "interactions.view_contextpacket",
        "learning.view_signal",
        "learning.view_caseaudit",
        "learning.view_breaker",
        "interactions.view_readingmodel",
        "interactions.adopt_readingmodel",
        "learning.view_outcomelook",
        "interactions.view_outcome",
        "interactions.view_pastcase",
        "learning.view_refinement",
        "learning.view_refinementreport",
        "learning.decide_refinement",
        "learning.view_knownanswer",
        "learning.add_knownanswer",
        "learning.change_knownanswer",
    }
)
_OPERATES = {
    "interactions.view_interaction",
    "interactions.retry_interaction",
    "interactions.view_effect",
    "interactions.settle_effect",
    "interactions.view_workerheartbeat",
    "interactions.view_notice",
    "interactions.view_delivery",
    "interactions.view_outsidemodel",
    "interactions.add_outsidemodel",
    "interactions.change_outsidemodel",
    "interactions.view_modelcall",
    "interactions.view_modelspend",
    "interactions.view_outboxevent",
    "interactions.view_apikey",
    "interactions.add_apikey",
    "interactions.change_apikey",
    "interactions.onboard_brand",
    "interactions.view_webhookendpoint",
    "interactions.add_webhookendpoint",
    "interactions.change_webhookendpoint",
    "interactions.delete_webhookendpoint",
    "interactions.view_webhookdelivery",
    "policies.view_partner",
    "policies.view_auditentry",
    "interactions.delete_shopconnection",
    "interactions.view_mail",
    "interactions.view_outgoingmail",
} | {
    f"interactions.{verb}_{name}"
    for verb in ("view", "add", "change")
    for name in ("shopconnection", "mailbox", "chatwidget")
}

_OF_A_BRAND = {
    "interactions.view_numbers",
    "interactions.view_interaction",
    "interactions.view_decisionrecord",
    "interactions.view_effect",
    "interactions.view_outcome",
    "interactions.view_apikey",
    "interactions.view_webhookendpoint",
    "interactions.view_webhookdelivery",
    "interactions.view_shopconnection",
    "interactions.view_mailbox",
    "interactions.view_chatwidget",
    "policies.view_partner",
    "policies.view_partnerstage",
    "policies.view_terms",
    "policies.view_ruling",
    "policies.view_pause",
    "policies.view_boundary",
    "policies.view_boundaryversion",
    "policies.view_rule",
    "policies.view_guardrail",
}
"""People of a brand read what is theirs: their remit names the brand, and nothing here changes anything."""

PERMISSIONS: dict[str, set[str]] = {
    SUPERVISOR: _DECIDES | _READS_BOUNDARIES,
    SENIOR: _DECIDES | _READS_BOUNDARIES | {"interactions.decide_senior"},
    OPS_MANAGER: _OPS | _READS_BOUNDARIES,
    OPERATOR: _OPERATES,
    PARTNER: _OF_A_BRAND,
}


def connect() -> None:
    post_migrate.connect(_synchronise, dispatch_uid="remit_groups")


def _synchronise(sender: Any, **kwargs: Any) -> None:
    if sender.label == "learning":  # the last of ours: every permission exists by then
        synchronise_groups()


def synchronise_groups() -> None:
    """Create the groups and give each exactly its permissions."""
    from django.contrib.auth.management import create_permissions

    for label in _EVERYTHING_OURS:
        create_permissions(registry.get_app_config(label), verbosity=0)
    known = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type").filter(
            content_type__app_label__in=_EVERYTHING_OURS
        )
    }
    views = {name for name in known if name.split(".")[1].startswith("view_")}
    for group_name, names in {**PERMISSIONS, AUDITOR: views}.items():
        group, _ = Group.objects.get_or_create(name=group_name)
        group.permissions.set([known[name] for name in names])


def role_of(user: User | AnonymousUser) -> str:
    """The word under the person's name: the widest of their groups."""
    if not user.is_authenticated:
        return ""
    if user.is_superuser:
        return "Administrator"
    names = set(user.groups.values_list("name", flat=True))
    for name in (OPS_MANAGER, SENIOR, SUPERVISOR, OPERATOR, AUDITOR, PARTNER):
        if name in names:
            return name
    return "No role"
