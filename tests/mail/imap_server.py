"""A real IMAP server for the tests: Debian's dovecot in a process of its own, on loopback, with one account."""

import contextlib
import grp
import imaplib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

LOOPBACK = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 10.0
START_ATTEMPTS = 3  # somebody else can take a free port before the server binds it


class MailServerUnavailable(RuntimeError):
    """It cannot be started; the text says what to install or what its log said."""


@dataclass(frozen=True)
class ImapServer:
    """A running dovecot with one account. With TLS, `certificate` is the file a client must trust on `tls_port`."""

    host: str
    port: int
    user: str
    password: str
    home: Path
    pid: int
    tls_port: int | None = None
    certificate: Path | None = None

    def connect(self, timeout: float = 10.0) -> imaplib.IMAP4:
        """Return a logged-in plain connection; the caller logs out."""
        connection = imaplib.IMAP4(self.host, self.port, timeout=timeout)
        connection.login(self.user, self.password)
        return connection

    def append(self, raw: bytes, mailbox: str = "INBOX", flags: str = "") -> int:
        """Put one RFC 5322 message into a mailbox (made if missing) by IMAP APPEND and return its UID.

        imaplib makes every line end CRLF, and dovecot refuses a NUL byte: `drop` takes a message byte for byte.
        """
        connection = self.connect()
        try:
            if mailbox != "INBOX":
                connection.create(mailbox)
            status, answer = connection.append(mailbox, f"({flags})", "", raw)
            if status != "OK":
                raise ValueError(f"dovecot refused the message for {mailbox}: {answer!r}")
            _, codes = connection.response("APPENDUID")
            return int(cast(bytes, codes[0]).split()[1])
        finally:
            connection.logout()

    def drop(self, raw: bytes) -> Path:
        """Put one message into INBOX's maildir byte for byte; a client sees it at its next SELECT or NOOP."""
        maildir = self.home / "mail"
        owner = maildir.stat()
        with tempfile.NamedTemporaryFile(dir=maildir / "tmp", prefix="dropped.", delete=False) as file:
            file.write(raw)
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        return Path(file.name).rename(maildir / "new" / Path(file.name).name)

    def renumber(self) -> None:
        """Give INBOX a new UIDVALIDITY, as a restore from backup does: UIDs a client remembers mean nothing any more.

        No client may have INBOX selected.
        """
        time.sleep(1.1)  # UIDVALIDITY is a Unix time in seconds; the new one must differ from the old one
        for index in (self.home / "mail").glob("dovecot*"):
            index.unlink()


@contextlib.contextmanager
def imap_server(
    folder: Path, *, user: str = "support@example.test", password: str = "correct horse", tls: bool = False
) -> Iterator[ImapServer]:
    """Run dovecot on a free loopback port until the block ends, as root or as a normal user.

    While it runs, everything is in a short temporary folder: a Unix socket's path has 107 bytes at most, and dovecot
    never reads mail as root, so root starts it as `nobody`, who cannot enter pytest's folders. Afterwards its
    configuration, logs and mail lie in `folder/dovecot`.

    Raises MailServerUnavailable when dovecot is missing, is not of the 2.3 series, or does not answer in time.
    """
    binary = _dovecot_binary()
    owner = _unprivileged_owner()
    home = Path(tempfile.mkdtemp(prefix="imap-", dir="/tmp"))
    try:
        for name in ("run", "state", "mail/tmp", "mail/new", "mail/cur"):
            (home / name).mkdir(parents=True)
        (home / "users").write_text(f"{user}:{{PLAIN}}{password}\n")
        certificate = _self_signed_certificate(home) if tls else None
        for path in (home, *home.rglob("*")):
            os.chown(path, owner.pw_uid, owner.pw_gid)
        process, port, tls_port = _start_dovecot(binary, home, owner, tls)
        try:
            yield ImapServer(LOOPBACK, port, user, password, home, process.pid, tls_port, certificate)
        finally:
            _stop(process)
    finally:
        shutil.rmtree(home / "run", ignore_errors=True)  # sockets cannot be moved to another file system
        shutil.rmtree(folder / "dovecot", ignore_errors=True)
        shutil.move(home, folder / "dovecot")


def _dovecot_binary() -> str:
    """Return the path of a dovecot 2.3 with its IMAP part (2.4 has another configuration language)."""
    binary = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None or not Path("/usr/lib/dovecot/imap-login").exists():
        raise MailServerUnavailable("dovecot's IMAP server is not installed: `apt-get install dovecot-imapd` (Debian)")
    answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False)
    if not answer.stdout.startswith("2.3."):
        raise MailServerUnavailable(f"dovecot 2.3 is needed (Debian 12); {binary} is {answer.stdout.strip() or '?'}")
    return binary


def _unprivileged_owner() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    except KeyError:
        raise MailServerUnavailable(f"dovecot needs a named user: uid {os.getuid()} is not in /etc/passwd") from None


def _start_dovecot(
    binary: str, home: Path, owner: pwd.struct_passwd, tls: bool
) -> tuple[subprocess.Popen[bytes], int, int | None]:
    """Start dovecot and wait until it greets; return it with its plain and its TLS port."""
    for _ in range(START_ATTEMPTS):
        port, tls_port = free_port(), free_port() if tls else None
        config = home / "dovecot.conf"
        config.write_text(_dovecot_config(home, owner, port, tls_port))
        with (home / "dovecot.out").open("wb") as output:
            process = subprocess.Popen(
                [binary, "-F", "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=home,
                start_new_session=True,
                **_as_user(owner),
            )
        if _greets(process, port):
            return process, port, tls_port
        _stop(process)
    said = "".join(path.read_text(errors="replace") for path in home.glob("dovecot.[lo]*"))
    raise MailServerUnavailable(f"dovecot did not come up within {START_SECONDS:.0f} s; it said: {said[-2000:]}")


def _as_user(owner: pwd.struct_passwd) -> dict[str, Any]:
    """Return Popen's arguments that make root's child a normal user; nobody else may or need change user."""
    if os.getuid() != 0:
        return {}
    return {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}


def _greets(process: subprocess.Popen[bytes], port: int) -> bool:
    """Wait for the greeting; False when dovecot ended, as it does when its port is taken, or is late."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            if connection.recv(64).startswith(b"* OK"):
                return True
        time.sleep(0.05)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End dovecot by its pid, then whatever is left of the process group this module started it in."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _self_signed_certificate(home: Path) -> Path:
    certificate = home / "tls.crt"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", f"subjectAltName=DNS:localhost,IP:{LOOPBACK}"]
    command += ["-keyout", str(home / "tls.key"), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    certificate.chmod(0o644)
    return certificate


def _dovecot_config(home: Path, owner: pwd.struct_passwd, port: int, tls_port: int | None) -> str:
    """Return a whole dovecot 2.3 configuration for one unprivileged user, who can neither chroot nor change user."""
    group = grp.getgrgid(owner.pw_gid).gr_name
    tls = f"ssl = yes\nssl_cert = <{home}/tls.crt\nssl_key = <{home}/tls.key" if tls_port else "ssl = no"
    return f"""\
protocols = imap
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
default_internal_user = {owner.pw_name}
default_internal_group = {group}
default_login_user = {owner.pw_name}
first_valid_uid = {owner.pw_uid}
first_valid_gid = {owner.pw_gid}
disable_plaintext_auth = no
auth_failure_delay = 0
{tls}
mail_location = maildir:{home}/mail
mail_fsync = never
passdb {{
  driver = passwd-file
  args = {home}/users
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={home}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = {LOOPBACK}
    port = {port}
  }}
  inet_listener imaps {{
    address = {LOOPBACK}
    port = {tls_port or 0}
  }}
}}
"""


def free_port() -> int:
    """Return a loopback port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
