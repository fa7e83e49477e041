"""The gateway as the image has it, without a container engine: the wheel in a fresh environment, read-only, under an unprivileged user."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.deploy.image import ROOT, VENV, Image

USER_ID = 10001
INSTALL_TIMEOUT_S = 300


class Installed:
    """A folder that stands for the image's root: ``opt/rosetta`` is the environment, ``etc/rosetta`` the working directory."""

    def __init__(self, root: Path, image: Image) -> None:
        self.root = root
        self.image = image
        self.environment = root / VENV.removeprefix("/")
        self.workdir = root / image.workdir.removeprefix("/")

    def variables(self, **more: str) -> dict[str, str]:
        """The image's own, with its environment where it stands here, and ``more`` as ``docker run -e`` would set them."""
        path = self.image.variables["PATH"].replace(VENV, str(self.environment))
        return {**self.image.variables, "PATH": path, "OLLAMA_HOST": "127.0.0.1:9", **more}

    def start(self, command: list[str], log: Path, **more: str) -> subprocess.Popen[bytes]:
        """``command`` as the image would run it. Its output goes to ``log``."""
        variables = self.variables(**more)
        program = shutil.which(command[0], path=variables["PATH"])
        assert program is not None, f"{command[0]} is not in the image's PATH"
        as_user = {"user": USER_ID, "group": USER_ID, "extra_groups": []} if os.geteuid() == 0 else {}
        with log.open("ab") as output:
            return subprocess.Popen(
                [program, *command[1:]],
                cwd=self.workdir,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                **as_user,
            )

    def files(self) -> set[tuple[str, int]]:
        """Every file and when it was changed last, in nanoseconds."""
        return {(str(path), path.lstat().st_mtime_ns) for path in self.root.rglob("*")}


@contextlib.contextmanager
def installed(image: Image) -> Iterator[Installed]:
    """Builds the wheel as the Dockerfile does and installs it with the pinned dependencies. Needs the package registry."""
    root = Path(tempfile.mkdtemp(prefix="rosetta-image-"))
    root.chmod(0o755)
    made = Installed(root, image)
    try:
        dist = root / "dist"
        _run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(dist), str(ROOT))
        (wheel,) = dist.glob("*.whl")
        _run(_public_python(), "-m", "venv", "--without-pip", str(made.environment))
        _run(
            *(sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(made.environment / "bin" / "python")),
            *("install", "-q", "--only-binary", ":all:", "-c", str(ROOT / "constraints.txt"), f"{wheel}[gateway]"),
        )
        made.workdir.mkdir(parents=True)
        _write_bits(root, False)
        yield made
    finally:
        _write_bits(root, True)
        shutil.rmtree(root)


def _public_python() -> str:
    """A Python that the unprivileged user can reach too: root's own may lie in a folder that is closed to all others."""
    names = (sys.executable, *(shutil.which(f"python3{minor}", path=os.defpath) for minor in ("", ".13", ".12", ".11")))
    for name in names:
        if name is None:
            continue
        path = Path(name).resolve()
        told = subprocess.run([path, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True, text=True, check=False)
        if "True" in told.stdout and (os.geteuid() != 0 or all(parent.stat().st_mode & 0o001 for parent in path.parents)):
            return str(path)
    raise RuntimeError("no Python 3.11 or newer that other users can reach; install python3 from the system's packages")


def _write_bits(root: Path, on: bool) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o200 if on else mode & ~0o222)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
