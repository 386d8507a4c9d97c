"""The admin of partners, people, boundaries, pauses and the records of what was ruled and done."""

from apps.policies.admin import boundaries, partners, pausing, people, records

__all__ = ["boundaries", "partners", "pausing", "people", "records"]
