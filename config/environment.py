"""Makes `.venv` and installs the locked dependencies: `python3 config/environment.py [--test]`.

Runs on the system's Python with nothing installed, so it uses the standard library alone. What a lock file
asks for is installed once; the marker `.venv/installed-<name>` holds the hash of the file that was.
"""

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
FOLDER = PROJECT / ".venv"
PYTHON = FOLDER / "bin" / "python"
OLDEST = (3, 11)


def main(arguments: list[str]) -> None:
    if sys.version_info < OLDEST:
        sys.exit(f"Remit needs Python 3.11 or newer; this is {sys.version.split()[0]}. Try: make PYTHON=python3.11 …")
    if not _works():
        _make()
    _install("requirements.txt")
    if "--test" in arguments:
        _install("requirements-test.txt")


def _works() -> bool:
    """Whether `.venv` has a Python that starts and has pip; a half-made one is made again."""
    if not PYTHON.exists():
        return False
    return subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def _make() -> None:
    print("Making the virtual environment .venv", flush=True)
    try:
        venv.create(FOLDER, with_pip=True, clear=True, symlinks=True)
    except (subprocess.CalledProcessError, ImportError, OSError) as error:
        sys.exit(
            f"The virtual environment could not be made ({error}). On Debian and Ubuntu install python3-venv "
            "(apt install python3-venv); then try again."
        )


def _install(name: str) -> None:
    lock = PROJECT / name
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    marker = FOLDER / f"installed-{name}"
    if marker.exists() and marker.read_text() == digest:
        return
    print(f"Installing {name} (about a minute the first time)", flush=True)
    command = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--require-hashes",
        "--no-warn-script-location",
        "-r",
        str(lock),
    ]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    answer = subprocess.run(command, env=environment, check=False, stderr=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        sys.exit(
            f"{answer.stderr.strip()}\n\nThe packages of {name} could not be installed; the reason stands above. "
            "Check the network (or PIP_INDEX_URL) and try again."
        )
    marker.write_text(digest)


if __name__ == "__main__":
    main(sys.argv[1:])
