"""A private PostgreSQL that the processes of one checkout share: joined by each, stopped by the last to leave.

    .local/postgres/15/     one folder per major version, because no version reads another's data
        data/               the cluster
        start.lock          held while one process looks whether the server runs, starts it or stops it
        users.lock          held (shared) by every process for as long as it uses the server
        server.log

The server is only reached through a socket in a private temporary folder. Where that folder is stands in the server's
own `postmaster.pid`, so nothing else has to be remembered or handed on. A process that is killed cannot stop the
server; the next one finds it running, adopts it and stops it at its end.
"""

import atexit
import fcntl
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from config.postgres_binaries import Binaries, PostgresError
from config.postgres_user import SOCKET_PREFIX, ServerUser, home_for, runnable, server_user, socket_folder

DATABASE = ROLE = "remit"
PORT = 5432  # only part of the socket's name
MAX_CONNECTIONS = 200
START_SECONDS = STOP_SECONDS = 60
LOG_BYTES = 10_000_000  # a longer log is emptied at the next start
WITHOUT_FSYNC = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Server:
    home: Path
    binaries: Binaries
    user: ServerUser
    durable: bool

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.user.run([self.binaries.program(program), *arguments])


def join(project: Path, binaries: Binaries, *, durable: bool = True) -> Path:
    """The folder of the private server's socket; the server runs until the last process that joined it has ended.

    Without `durable` it is another cluster, without fsync: for tests, whose data nobody misses.
    Raises PostgresError when the server cannot be started.
    """
    try:
        home, user = _place(project, binaries.major, durable)
        with _locked(home / "start.lock"):
            server = Server(home, runnable(binaries, project, user), user, durable)
            users = _open_lock(home / "users.lock")
            fcntl.flock(users, fcntl.LOCK_SH)
            socket = _running(server) or _start(server)
            _ensure_database(socket)
    except PermissionError as error:
        raise PostgresError(
            f"{error.filename} belongs to another user: run as that user, or remove {project / '.local'}."
        ) from error
    except OSError as error:
        raise PostgresError(f"The database cannot be kept in {project / '.local'}: {error}.") from error
    except psycopg.OperationalError as error:
        raise PostgresError(f"PostgreSQL does not answer, see {server.log}: {error}") from error
    atexit.register(_leave, server, users, os.getpid())
    return socket


def _leave(server: Server, users: int, joined_by: int) -> None:
    if os.getpid() != joined_by:
        return  # a forked child: whoever forked it still uses the server
    # Closed, not unlocked: a forked child that outlives us shares this lock, and goes on holding it.
    os.close(users)
    if not server.home.exists():
        return  # removed under our feet; the server notices by itself and ends
    with _locked(server.home / "start.lock"):
        others = _open_lock(server.home / "users.lock")
        try:
            fcntl.flock(others, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        finally:
            os.close(others)
        _stop(server)


def _place(project: Path, major: int, durable: bool) -> tuple[Path, ServerUser]:
    wanted = project / ".local" / ("postgres" if durable else "postgres-test") / str(major)
    home = home_for(wanted, project, server_user(wanted / "data"))
    if home != wanted and not (home / "data").exists():
        _say(f"PostgreSQL may not enter {wanted}, so its data goes to {home}.")
    return home, server_user(home / "data")


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = _open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _pid_file(server: Server) -> list[str]:
    """The lines of postmaster.pid: pid, data, start, port, socket folder, address, memory, status. Empty: none."""
    try:
        return (server.data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_this_server(server: Server, pid: str) -> bool:
    """Whether process `pid` is this cluster's server, and not another program that got its number later."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        if Path("/proc/self").exists():
            return False
        command = subprocess.run(
            ["ps", "-p", pid, "-o", "command="], capture_output=True, text=True, check=False
        ).stdout
    return "postgres" in command and f"-D {server.data} " in command


def _running(server: Server) -> Path | None:
    """The socket folder of the server when it runs and can be reached; None when it must be started."""
    deadline = time.monotonic() + START_SECONDS
    while (lines := _pid_file(server)) and _is_this_server(server, lines[0]):
        if len(lines) > 7 and lines[7].strip() == "ready":
            socket = Path(lines[4])
            if (socket / f".s.PGSQL.{PORT}").exists():
                return socket
            _stop(server)  # the temporary folder was cleared away: nobody can reach this server any more
            return None
        if time.monotonic() > deadline:
            raise PostgresError(f"PostgreSQL (process {lines[0]}) does not get ready; end it, and see {server.log}.")
        time.sleep(0.05)
    return None


def _start(server: Server) -> Path:
    if not server.data.exists():
        _make_data(server)
    deadline = time.monotonic() + START_SECONDS
    while True:
        # What is left in postmaster.pid is stale. PostgreSQL would refuse if another program has that number now.
        earlier = _pid_file(server)
        (server.data / "postmaster.pid").unlink(missing_ok=True)
        socket = socket_folder(server.user, Path(earlier[4]) if len(earlier) > 4 else None)
        _ready_log(server)
        # pg_ctl gives the server a session of its own, so that Ctrl-C in the terminal does not reach it.
        started = server.run(
            "pg_ctl", "start", "-w", "-s", "-t", str(START_SECONDS),
            "-D", str(server.data), "-l", str(server.log), "-o", _options(server, socket),
        )  # fmt: skip
        if started.returncode == 0:
            return socket
        words = server.log.read_text(errors="replace").splitlines()[-5:] or [started.stderr.strip()]
        # Parts of a server that was killed need a moment to notice, and one that was starting to get ready.
        if not any(sign in "".join(words) for sign in ("still in use", "already exists")):
            raise PostgresError(f"PostgreSQL did not start; see {server.log}. Its last words: {' '.join(words)}")
        if time.monotonic() > deadline:
            raise PostgresError(f"Another PostgreSQL does not let go of {server.data}; end it, and see {server.log}.")
        time.sleep(0.2)
        if running := _running(server):
            return running


def _options(server: Server, socket: Path) -> str:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": str(MAX_CONNECTIONS),
        **({} if server.durable else WITHOUT_FSYNC),
    }
    return shlex.join(word for name, value in settings.items() for word in ("-c", f"{name}={value}"))


def _ready_log(server: Server) -> None:
    too_long = server.log.exists() and server.log.stat().st_size > LOG_BYTES
    with server.log.open("w" if too_long else "a"):
        server.user.give(server.log)


def _make_data(server: Server) -> None:
    """Runs initdb in a temporary folder that becomes `data` when it is whole, so that being killed leaves no half."""
    for half in server.home.glob("half-*"):
        shutil.rmtree(half, ignore_errors=True)
    major = server.binaries.major
    _say(f"Making a private PostgreSQL {major} database in {server.home}.")
    for other in sorted(server.home.parent.glob("*/data")):
        if other.parent != server.home:
            _say(f"The data of PostgreSQL {other.parent.name} stays in {other.parent}; version {major} cannot read it.")
    new = Path(tempfile.mkdtemp(prefix="half-", dir=server.home))
    server.user.give(new)
    for locale in (
        "C.UTF-8",
        "C",
    ):  # the second is on every machine, but knows upper and lower case in ASCII only
        made = server.run(
            "initdb", "-D", str(new), f"--username={ROLE}", "--auth=trust", "--encoding=UTF8",
            f"--locale={locale}", *([] if server.durable else ["--no-sync"]),
        )  # fmt: skip
        if made.returncode == 0:
            new.rename(server.data)
            return
    raise PostgresError(f"PostgreSQL could not make its data folder in {server.home}: {made.stderr.strip()}")


def _ensure_database(socket: Path) -> None:
    with psycopg.connect(
        host=str(socket),
        port=PORT,
        user=ROLE,
        dbname="postgres",
        connect_timeout=START_SECONDS,
        autocommit=True,
    ) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _stop(server: Server) -> None:
    lines = _pid_file(server)
    if not lines or not _is_this_server(server, lines[0]):
        return
    for mode in ("fast", "immediate"):
        stopped = server.run("pg_ctl", "stop", "-w", "-s", "-t", str(STOP_SECONDS), "-m", mode, "-D", str(server.data))
        if stopped.returncode == 0 or not _pid_file(server):
            break
    else:
        _say(f"PostgreSQL (process {lines[0]}) did not stop: {stopped.stderr.strip()}")
    if len(lines) > 4 and Path(lines[4]).name.startswith(SOCKET_PREFIX):
        shutil.rmtree(lines[4], ignore_errors=True)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
