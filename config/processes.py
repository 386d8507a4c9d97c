"""`make run`: prepares the database, then runs web, workers, webhooks and connections under one process until Ctrl-C.

Each child has a session of its own, so Ctrl-C in the terminal reaches only this process, which ends the
children in order and waits for them. A child that ends by itself is started anew; when it does so time and again, or before
Remit has answered once, all are ended.

    REMIT_HOST, REMIT_PORT   where the web server listens (127.0.0.1, 8000 or the next free port)
"""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from types import FrameType

from config import environment, postgres
from config.postgres_binaries import PostgresError

STARTED_WITHIN_SECONDS = 60
ENDED_WITHIN_SECONDS = 20
PORTS_TRIED = 50
WEB_THREADS = 12  # a process
KEEP_ALIVE_SECONDS = 4  # long enough for the requests of one act; then whichever process is free takes the next
STARTED_ANEW = 5  # times in ten minutes that a child may end by itself
_MANAGE = [sys.executable, "manage.py"]


class Stopped(Exception):
    """Somebody asked us to end."""


def main() -> None:
    os.chdir(environment.PROJECT)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, _stop)
    children: list[tuple[str, subprocess.Popen[bytes]]] = []
    try:
        host, port = os.environ.get("REMIT_HOST", "127.0.0.1"), _free_port()
        os.environ.setdefault("REMIT_SITE_URL", f"http://localhost:{port}")
        postgres.database_settings()  # joined here, so that the server outlives every child
        _prepare()
        children.append(("web", _start(web_command(host, port))))
        children.append(("workers", _start([*_MANAGE, "runworkers"])))
        children.append(("webhooks", _start([*_MANAGE, "sendwebhooks"])))
        children.append(("connections", _start([*_MANAGE, "runconnections"])))
        _wait_until_it_answers(f"http://{host}:{port}/health/", children)
        _welcome(f"http://{host}:{port}/")
        _watch(children)
    except Stopped:
        print("\nEnding Remit.", flush=True)
    except PostgresError as error:
        sys.exit(str(error))
    finally:
        _end(children)
    print("Ended.", flush=True)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    raise Stopped


def _prepare() -> None:
    for sentence, command in (
        ("Bringing the database up to date", ["migrate", "--verbosity", "0"]),
        ("Collecting static files", ["collectstatic", "--noinput", "--verbosity", "0"]),
        ("Making sure that the demo brands and log-ins are there", ["setup_demo"]),
    ):
        print(sentence, flush=True)
        # A session of its own: Ctrl-C is answered here, not by a traceback of the command.
        answer = subprocess.run([*_MANAGE, *command], check=False, start_new_session=True)
        if answer.returncode != 0:
            sys.exit(f"`manage.py {' '.join(command)}` failed; the reason stands above.")


def _free_port() -> int:
    wanted = os.environ.get("REMIT_PORT", "8000")
    if not wanted.isdigit() or not 0 < int(wanted) < 65536:
        sys.exit(f"REMIT_PORT is {wanted!r}; set it to a number from 1 to 65535.")
    for port in range(int(wanted), min(int(wanted) + PORTS_TRIED, 65536)):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((os.environ.get("REMIT_HOST", "127.0.0.1"), port))
            if port != int(wanted):
                print(f"Port {wanted} is taken; using {port}.", flush=True)
            return port
    sys.exit(f"No port from {wanted} on is free: set REMIT_PORT to one that is.")


def web_command(host: str, port: int) -> list[str]:
    """The web server. A connection that a browser opens ahead holds a thread for seconds: there are enough of them."""
    return [
        sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"{host}:{port}",
        "--workers", os.environ.get("REMIT_WEB_WORKERS", "2"), "--threads", str(WEB_THREADS),
        "--keep-alive", str(KEEP_ALIVE_SECONDS), "--log-level", "warning", "--graceful-timeout", "10",
    ]  # fmt: skip


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, start_new_session=True)


def _wait_until_it_answers(address: str, children: list[tuple[str, subprocess.Popen[bytes]]]) -> None:
    deadline = time.monotonic() + STARTED_WITHIN_SECONDS
    while time.monotonic() < deadline:
        _complain_about_ended(children)
        with suppress(urllib.error.URLError, OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    sys.exit(f"{address} did not answer within {STARTED_WITHIN_SECONDS} seconds; the reason may stand above.")


def _welcome(address: str) -> None:
    print(f"\nRemit runs at {address}  (Ctrl-C ends it)")
    answer = subprocess.run([*_MANAGE, "setup_demo", "--log-ins"], check=False, capture_output=True, text=True)
    print(answer.stdout.rstrip(), flush=True)


def _watch(children: list[tuple[str, subprocess.Popen[bytes]]]) -> None:
    ended: list[float] = []
    while True:
        for place, (name, child) in enumerate(children):
            if child.poll() is not None:
                ended = [at for at in ended if time.monotonic() - at < 600] + [time.monotonic()]
                if len(ended) > STARTED_ANEW:
                    _complain_about_ended(children)
                print(f"The {name} process ended by itself (code {child.returncode}) and is started anew.", flush=True)
                _end_rest_of(child)
                children[place] = (name, _start([str(part) for part in child.args]))  # type: ignore[union-attr]
        time.sleep(0.5)


def _complain_about_ended(children: list[tuple[str, subprocess.Popen[bytes]]]) -> None:
    for name, child in children:
        if child.poll() is not None:
            sys.exit(f"The {name} process ended by itself (code {child.returncode}), so Remit ends too.")


def _end(children: list[tuple[str, subprocess.Popen[bytes]]]) -> None:
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, signal.SIG_IGN)  # a second Ctrl-C must not leave children behind
    for _, child in children:
        child.terminate()
    for _, child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(ENDED_WITHIN_SECONDS)
        _end_rest_of(child)
        child.wait()


def _end_rest_of(child: subprocess.Popen[bytes]) -> None:
    """What is left of its session goes with it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
