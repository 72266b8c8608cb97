"""A new virtual environment with our wheels in it, standing on the packages of this one."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT


@dataclass
class Environment:
    """One virtual environment."""

    folder: Path

    @property
    def site(self) -> Path:
        """Its site-packages."""
        return next((self.folder / "lib").glob("python*")) / "site-packages"

    def listing(self) -> set[str]:
        """What lies in site-packages, byte code apart."""
        names = (path.relative_to(self.site) for path in self.site.rglob("*"))
        return {str(name) for name in names if "__pycache__" not in name.parts}

    def run(
        self, *words: str | Path, check: bool = True, cwd: Path | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one of its scripts, far from the checkout, without this process's settings."""
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("LEANER_", "PYTHON"))}
        environment = keep | {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HF_HUB_OFFLINE": "1",
            "LEANER_HOME": str(self.folder / "home"),
            **variables,
        }
        command = [str(self.folder / "bin" / words[0]), *map(str, words[1:])]
        done = subprocess.run(
            command,
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
        )
        if check:
            assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done


def create(folder: Path, *packages: str | Path) -> Environment:
    """A new environment with these packages and, behind them, what this one has installed."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    environment = Environment(folder)
    # Not a nested start-up: .pth files of the borrowed folder are not run, ours must be.
    (environment.site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    if packages:
        install(environment, *packages)
    return environment


def install(environment: Environment, *packages: str | Path) -> None:
    """pip install without dependencies: the borrowed packages are the dependencies."""
    pip = ["python", "-m", "pip", "install", "-q", "--no-deps", "--ignore-installed"]
    environment.run(*pip, *packages)


def build_wheels(folder: Path) -> dict[str, Path]:
    """Our wheels and the example plugin's: distribution -> file."""
    for project in (ROOT, ROOT / "trainers", ROOT / "tests" / "example_plugin"):
        build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
        subprocess.run([*build, "-w", str(folder), str(project)], check=True)
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}
