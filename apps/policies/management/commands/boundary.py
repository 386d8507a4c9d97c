"""`manage.py boundary`: export, import, verify, replay and diff versions, so that boundaries can live in git."""

import difflib
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from apps.policies import checking, documents, replaying
from apps.policies.documents import BadDocument
from apps.policies.errors import Refused
from apps.policies.models import Boundary, BoundaryVersion, Replay
from apps.policies.verification import Verification, verify
from apps.policies.version_diff import changes_in_words


class Command(BaseCommand):
    help = "Export, import, verify, replay and compare versions of boundaries as YAML."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        for act, what in (
            ("export", "print a version as YAML"),
            ("verify", "say what is wrong with a version, and what it changes; 1 when it cannot be submitted"),
            ("replay", "replay a version over the last days"),
        ):
            made = acts.add_parser(act, help=what)
            made.add_argument("name", help="the boundary's name")
            made.add_argument("--number", type=int, help="the version's number; without it the active one")
            if act == "replay":
                made.add_argument("--days", type=int, default=replaying.DAYS)
                made.add_argument("--user", required=True, help="the log-in of the one who asks")
        imported = acts.add_parser("import", help="make a draft from a YAML file")
        imported.add_argument("file", help="the file, or - for standard input")
        imported.add_argument("--user", required=True, help="the log-in of its author")
        compared = acts.add_parser("diff", help="compare two versions, in words and as YAML")
        compared.add_argument("name")
        compared.add_argument("before", type=int)
        compared.add_argument("after", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            getattr(self, f"_{options['act']}")(options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from None
        except BadDocument as bad:
            raise CommandError("\n".join(bad.problems)) from None

    def _export(self, options: dict[str, Any]) -> None:
        self.stdout.write(documents.to_yaml(_version(options["name"], options["number"])), ending="")

    def _import(self, options: dict[str, Any]) -> None:
        user = _user(options["user"])
        try:
            text = sys.stdin.read() if options["file"] == "-" else Path(options["file"]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{options['file']} cannot be read: {error}.") from None
        version = documents.import_draft(user, text)
        self.stdout.write(f"{version} is a draft: it rules nothing until it is released.")
        self._say(version)

    def _verify(self, options: dict[str, Any]) -> None:
        version = _version(options["name"], options["number"])
        if self._say(version):
            raise CommandError(f"{version} cannot be submitted like this.")

    def _say(self, version: BoundaryVersion) -> list[str]:
        problems = checking.problems_of(version)
        for problem in problems:
            self.stdout.write(f"problem: {problem}")
        if not checking.unreadable(version):
            self._write(checking.verification_of(version))
        return problems

    def _write(self, verification: Verification) -> None:
        for finding in verification.findings:
            if finding.weight != "problem":
                self.stdout.write(
                    f"{finding.weight}: {finding.sentence}"
                    + (f" Example: {finding.example}." if finding.example else "")
                )
        for sentence in changes_in_words(verification):
            self.stdout.write(sentence)
        self.stdout.write("It widens what the AI may do." if verification.widens else "It widens nothing.")

    def _replay(self, options: dict[str, Any]) -> None:
        version = _version(options["name"], options["number"])
        asked = replaying.ask(_user(options["user"]), version, days=options["days"])
        replaying.run(asked.pk)
        found = Replay.objects.get(pk=asked.pk)
        if found.result is None:
            raise CommandError(found.error or "A worker has taken it: see the version's page.")
        result = found.result
        self.stdout.write(
            f"{result['rulings']:,} rulings; {result['exact']['wrong']} of {result['exact']['checked']:,} not reproduced."
        )
        self.stdout.write(f"Resolved by AI alone: {result['rate']['before']} → {result['rate']['after']} %.")
        for flip in result["flips"]:
            self.stdout.write(
                f"{flip['count']:,} {flip['case_type']}: {flip['before']} → {flip['after']} ({flip['rule_after'] or 'no rule'})"
            )
        if result["exact"]["wrong"]:
            raise CommandError("Rulings of the active version are not reproduced: this replay cannot be trusted.")

    def _diff(self, options: dict[str, Any]) -> None:
        before, after = (_version(options["name"], options[side]) for side in ("before", "after"))
        for sentence in changes_in_words(verify(after.policy(), before.policy())) or ["They grant the same."]:
            self.stdout.write(sentence)
        lines = [documents.to_yaml(version).splitlines() for version in (before, after)]
        names = [f"version {version.number}" for version in (before, after)]
        for line in difflib.unified_diff(lines[0], lines[1], names[0], names[1], lineterm=""):
            self.stdout.write(line)


def _version(name: str, number: int | None) -> BoundaryVersion:
    boundary = Boundary.objects.filter(name=name).first()
    if boundary is None:
        known = ", ".join(Boundary.objects.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no boundary “{name}”; there is {known}.")
    version = boundary.versions.filter(number=number).first() if number is not None else boundary.active_version
    if version is None:
        raise CommandError(
            f"{name} has no version {number}." if number is not None else f"No version of {name} is active."
        )
    return version


def _user(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None or not user.has_perm("policies.change_boundaryversion"):
        raise CommandError(f"{username} may not edit boundaries: an ops manager does.")
    return user
