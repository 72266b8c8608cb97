"""Four times the text takes no more memory: tokenizer trained, tokens written and verified."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from conftest import ROOT


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_memory_does_not_grow_with_the_text():
    command = [sys.executable, str(ROOT / "benchmarks" / "memory.py"), "--json"]
    command += ["--megabytes", "128", "--against", "32"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    assert found["128 MB"]["tokens"] > 3.5 * found["32 MB"]["tokens"]
    assert found["more for the larger, MB"] <= 50
