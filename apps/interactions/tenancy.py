"""The second wall between partners: what the API does for one runs under a role of PostgreSQL that sees its rows only.

The first wall are querysets, which name the partner. Should one forget it, row-level security leaves nothing to be seen and
refuses what would be written.

    tenant(partner_id)   everything inside sees and writes this partner's rows alone
    lifted()             inside of it, what works beyond one partner: breakers count all of them
    build()              roles, rights and policies, from the models; after every migration

A table is a partner's when it names one, or names a row of such a table. What belongs to nobody can be read where `READ` says
so, and otherwise not at all.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models.signals import post_migrate

from apps.policies.models import Partner

ROLE = "remit_api"
OURS = ("policies", "interactions", "learning", "reach")
READ = (
    "policies_boundary", "policies_boundaryversion", "policies_rule", "policies_guardrail", "policies_ramp",
    "policies_soughtkind", "interactions_casetypesetting", "interactions_reasoncode", "interactions_readingmodel",
    "interactions_outsidemodel",
)  # fmt: skip
FOR_ALL = ("policies_pause",)  # rows of nobody that stand for everybody
_MINE = "NULLIF(current_setting('remit.partner', true), '')::bigint"


@contextmanager
def tenant(partner_id: int) -> Iterator[None]:
    """In a transaction, whose end lifts it; an error inside takes it along as it is rolled back."""
    ends_with_it = not connection.in_atomic_block
    with transaction.atomic():
        _be(ROLE, str(partner_id))
        yield
        if not ends_with_it:
            _be("none", "")


@contextmanager
def lifted() -> Iterator[None]:
    """Nothing, outside of a tenant. An error inside is rolled back to where it stood."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role'), current_setting('remit.partner', true)")
        role, partner = cursor.fetchone()
    if role != ROLE:
        yield
        return
    with transaction.atomic():
        _be("none", "")
        yield
        _be(role, partner)


def _be(role: str, partner: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('role', %s, true), set_config('remit.partner', %s, true)", [role, partner])


@dataclass(frozen=True, slots=True)
class Wall:
    """Which rows of a table are a partner's, as SQL. `for_all`: rows of nobody may be read by every partner."""

    table: str
    mine: str
    for_all: str = ""

    def statements(self) -> list[str]:
        name = self.name()
        made = [
            f'ALTER TABLE "{self.table}" ENABLE ROW LEVEL SECURITY',
            f'CREATE POLICY {name} ON "{self.table}" TO {ROLE} USING ({self.mine}) WITH CHECK ({self.mine})',
        ]
        if self.for_all:
            made.append(f'CREATE POLICY {name}_all ON "{self.table}" FOR SELECT TO {ROLE} USING ({self.for_all})')
        return made

    def name(self) -> str:
        """Another wall has another name, so that what changed is seen."""
        return "tenant_" + hashlib.sha256(f"{self.mine}{self.for_all}".encode()).hexdigest()[:12]


def walls() -> list[Wall]:
    return [wall for model in _models() if (wall := _wall(model)) is not None]


def shared() -> list[str]:
    """Tables that are nobody's."""
    return [model._meta.db_table for model in _models() if _wall(model) is None]


def _models() -> list[type[models.Model]]:
    return [model for label in OURS for model in apps.get_app_config(label).get_models(include_auto_created=True)]


def _wall(model: type[models.Model]) -> Wall | None:
    table = model._meta.db_table
    if model is Partner:
        return Wall(table, f"id = {_MINE}")
    links: Sequence[Any] = [field for field in model._meta.fields if isinstance(field, models.ForeignKey)]
    for field in links:
        if field.related_model is Partner:
            return Wall(table, f"{field.column} = {_MINE}", f"{field.column} IS NULL" if table in FOR_ALL else "")
    for field in links:
        if not field.null and field.related_model is not model and field.related_model in _models():
            if (other := _wall(field.related_model)) is None:
                continue
            mine = f'EXISTS (SELECT 1 FROM "{other.table}" owner WHERE owner.id = "{table}".{field.column})'
            return Wall(table, mine)  # the owner's own wall says whose it is
    return None


def build() -> None:
    """Bring the database to what the models say. Safe to repeat; what is so already is left alone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(7202602)")  # roles are of the whole server: one at a time
        cursor.execute(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ROLE}') THEN CREATE ROLE {ROLE} NOLOGIN; "
            "END IF; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        cursor.execute(f"GRANT {ROLE} TO CURRENT_USER")
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {ROLE}")
        cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ROLE}")
        cursor.execute("SELECT tablename, policyname FROM pg_policies WHERE policyname LIKE 'tenant\\_%'")
        there = {(table, name) for table, name in cursor.fetchall()}
        wanted = {(wall.table, name) for wall in walls() for name in (wall.name(), f"{wall.name()}_all")}
        for table, name in there - wanted:
            cursor.execute(f'DROP POLICY {name} ON "{table}"')
        for wall in walls():
            if (wall.table, wall.name()) not in there:
                for statement in wall.statements():
                    cursor.execute(statement)
            cursor.execute(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{wall.table}" TO {ROLE}')
        for table in READ:
            cursor.execute(f'GRANT SELECT ON "{table}" TO {ROLE}')
        cursor.execute(
            "SELECT DISTINCT table_name FROM information_schema.role_table_grants WHERE grantee = %s", [ROLE]
        )
        for table in {name for (name,) in cursor.fetchall()} - {*READ, *(wall.table for wall in walls())}:
            cursor.execute(f'REVOKE ALL ON "{table}" FROM {ROLE}')  # granted by an earlier version


def connect() -> None:
    post_migrate.connect(_rebuild, dispatch_uid="remit_tenancy")


def _rebuild(sender: Any, **kwargs: Any) -> None:
    if sender.label == OURS[0]:  # once; every table is there by now
        build()
