"""What is asked in public without a complaint: the type's own plan, with replies that others may read."""

from dataclasses import replace

from apps.interactions.case import Case
from apps.interactions.drafting.sources import Stated
from apps.interactions.playbooks.base import REPLY_ONLY, Option, Plan, invitation

VERSION = "in_public-1"


def in_public(case: Case, plan: Plan) -> Plan:
    """Nothing of an order is said in public: replies that would are invitations to talk in private, also where something is
    done besides; an option that was nothing but such a reply is the invitation itself."""
    if not any(option.discloses_order for option in plan.options):
        return plan
    invite = invitation(case, "Thank you for writing. Please")
    options = [_shown(option, invite) for option in plan.options]
    if plan.proposal.discloses_order and plan.proposal.action in REPLY_ONLY:
        options.insert(0, invite)
    kept = tuple(option for option in options if option is not None)
    reason = "It was said in public, so others read the answer; order details stay out of it."
    return replace(plan, options=kept, reasons=(*plan.reasons, reason))


def _shown(option: Option, invite: Option) -> Option | None:
    if not option.discloses_order:
        return option
    if option.action in REPLY_ONLY:
        return None
    return replace(option, reply=invite.reply, discloses_order=False, stated=Stated())
