"""The admin of partners, people, boundaries, pauses and the records of what was ruled and done."""

from apps.policies.admin import boundaries, partner_releases, partners, pausing, people, records

__all__ = ["boundaries", "partner_releases", "partners", "pausing", "people", "records"]
