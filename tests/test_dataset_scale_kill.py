"""Ranks whose processes are killed go on, on one machine and on Slurm; the written script runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT
from processes import ended
from scaled import files, rows, write_replies, write_source

pytest.importorskip("datatrove", reason="leaner-harness[scale] is not installed")

pytestmark = pytest.mark.slow

RANKS, KILLS = 6, 2
BUILD = """
import os, random, signal, sys, threading
from pathlib import Path
from leaner_harness.dataset.build import Source
from leaner_harness.dataset.pretrain import Job, Settings
from leaner_harness.dataset.scale import executors

usual = Job.rewrite

def rewrite(self, *given, **named):  # each rank is killed KILLS times, at any moment of it
    begun = len(list(Path("kills").glob(f"{self.folder.name}-*")))

    def die():
        Path("kills", f"{self.folder.name}-{begun}").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    killer = threading.Timer(random.uniform(0.02, 0.3), die)
    killer.daemon = True
    if self.folder.parent.name == "ranks" and begun < KILLS:
        killer.start()
    return usual(self, *given, **named)

Job.rewrite = rewrite
if __name__ == "__main__":
    source, replies, folder, kind = sys.argv[1:]
    settings = Settings(Source((source,)), f"replay:{replies}")
    options = {"time": "1:00:00", "partition": "cpu"} if kind == "slurm" else {}
    executors(settings, folder, RANKS, 3, kind, **options)[1].run()
"""


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A source, its replies, the script that builds, and what one process makes of it."""
    folder = tmp_path_factory.mktemp("job")
    source = write_source(folder / "source.jsonl", 2_400)
    replies = write_replies(folder / "replies.jsonl", source)
    (folder / "kills").mkdir()
    (folder / "build.py").write_text(
        BUILD.replace("RANKS", str(RANKS)).replace("KILLS", str(KILLS))
    )
    command = [
        sys.executable, "-m", "leaner_harness.cli", "build", "pretrain", source,
        "--out", folder / "alone", "--rewriter", f"replay:{replies}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 3, done.stderr  # some replies are not there
    return folder


def start(job, out, kind="local", **variables):
    command = [sys.executable, "build.py", job / "source.jsonl", job / "replies.jsonl", out, kind]
    process = subprocess.Popen(
        command,
        cwd=job,
        env=os.environ | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return ended(process)


def test_ranks_that_are_killed_change_nothing(job, tmp_path):
    out, said = tmp_path / "killed", ""
    for turn in range(6):
        with start(job, out) as runner:
            if turn == 1:  # the one that runs them is killed, too; they go on by themselves
                while not list((job / "kills").glob("*-1")) and runner.poll() is None:
                    time.sleep(0.05)
                runner.kill()
            said = runner.communicate(timeout=300)[0]
        if runner.returncode == 0:
            break
        assert turn == 1 or "ranks are not at their end" in said, said[-3000:]
    assert runner.returncode == 0, said[-3000:]
    killed = sorted(path.name[:5] for path in (job / "kills").iterdir())
    assert len(killed) >= RANKS and len(set(killed)) >= RANKS - 1, killed
    assert files(job / "alone") == files(out)
    assert rows(job / "alone") == rows(out)
    # Once more: there is nothing left to do.
    with start(job, out) as again:
        again.communicate(timeout=100)
    assert again.returncode == 0 and files(job / "alone") == files(out)
    status = subprocess.run(
        [sys.executable, "-m", "leaner_harness.cli", "build", "status", out],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert re.search(r"documents\s+2,352", status), status


SBATCH = """#!/bin/bash
# Runs at once what Slurm would queue; the first time, the node of array task 1 goes down.
for script; do :; done
echo "$@" >> "$SHAM/calls"
[[ "$*" == *dependency* || "$(cat $script)" == *dependency* ]] && waits=yes
if [[ -z $waits || ! -e $SHAM/lost ]]; then
    last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\).*/\\1/p' $script)
    for task in $(seq 0 $last); do
        if [[ $task == 1 && ! -e $SHAM/down ]]; then touch "$SHAM/down" "$SHAM/lost"; continue; fi
        RUN_OFFSET=0 SLURM_ARRAY_TASK_ID=$task SLURM_JOB_ID=7 SLURM_NODELIST=here \\
            bash $script >> "$SHAM/log" 2>&1
    done
fi
echo "Submitted batch job 7"
"""
SRUN = '#!/bin/bash\nwhile [[ $1 == -* || $1 =~ ^[0-9]+$ ]]; do shift; done; exec "$@"\n'
SCONTROL = "#!/bin/bash\necho here\n"


def test_slurm_runs_what_is_not_done(job, tmp_path):
    """datatrove's scripts, run by a sham `sbatch` that loses a task."""
    sham = tmp_path / "bin"
    sham.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("scontrol", SCONTROL)):
        (sham / name).write_text(text)
        (sham / name).chmod(0o755)
    tools = Path(sys.executable).parent
    found = {"PATH": f"{sham}:{tools}:{os.environ['PATH']}", "SHAM": str(sham)}
    out = tmp_path / "out"

    def run():
        with start(job, out, "slurm", **found) as runner:
            said = runner.communicate(timeout=500)[0]
        assert runner.returncode == 0, said[-3000:]

    run()
    done = sorted(path.name for path in (out / "ranks" / "rewrite" / "completions").iterdir())
    assert done == ["00000", "00002", "00003", "00004", "00005"]
    assert not (out / "manifest.json").exists()
    (sham / "lost").unlink()
    run()
    assert "--dependency=afterok:7" in (sham / "calls").read_text()
    assert files(job / "alone") == files(out), (sham / "log").read_text()[-3000:]
    assert rows(job / "alone") == rows(out)


def test_the_script_of_the_documents_runs(tmp_path):
    text = (ROOT / "docs" / "building.md").read_text("utf-8")
    _, mark, section = text.partition("<!-- scale section")
    assert mark, "the document has lost the section"
    script = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    (tmp_path / "script.py").write_text(script)
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert list(tmp_path.glob("*/train/*.jsonl"))
