"""Fixtures: no network, no data of the machine, real data only where they are at hand."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from browser import Page
    from fault_server import FaultServer

ROOT = Path(__file__).parent.parent

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Two test processes with two threads each on two cores wait for each other most of the time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A shell gives its background jobs an ignored Ctrl-C; tests of Ctrl-C need the usual one.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests see no data folder and no switch of the person who runs them."""
    for name in [name for name in os.environ if name.startswith("LEANER_")]:
        if name != "LEANER_TEST_TINYHELEN":
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEANER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def without_float64(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a device that has no float64: only what was fetched from it can be doubled."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    fetch, fetched = torch.Tensor.cpu, []

    def cpu(tensor: torch.Tensor) -> torch.Tensor:
        fetched.append(fetch(tensor))
        return fetched[-1]

    def is_double(value: Any) -> bool:
        return isinstance(value, torch.Tensor) and value.dtype == torch.float64

    class Watch(TorchDispatchMode):
        """Sees every operation, however it is called."""

        def __torch_dispatch__(
            self, operation: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            given, found = tree_leaves((args, kwargs)), operation(*args, **kwargs or {})
            if any(map(is_double, tree_leaves(found))) and not any(map(is_double, given)):
                known = any(one is other for one in given for other in fetched)
                assert known, f"float64 on the device: {operation}"
            return found

    monkeypatch.setattr(torch.Tensor, "cpu", cpu)
    with Watch():
        yield


@pytest.fixture(scope="session")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole evaluation on small rows, as lm_eval leaves it on disk."""
    from small_outputs import whole

    return whole(tmp_path_factory.mktemp("output"))


@pytest.fixture
def altered(output: Path, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Makes a copy of that evaluation whose results JSON a test may change."""
    import small_outputs

    return functools.partial(small_outputs.altered, output, tmp_path)


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium, the same for all tests."""
    from browser import chromium

    found = chromium(tmp_path_factory.mktemp("profile"), tmp_path_factory.mktemp("downloads"))
    yield found
    found.quit()


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with three boards."""
    from browser import usual_page

    return usual_page(tmp_path_factory.mktemp("page"))


@pytest.fixture
def page(driver: Any, page_file: Path) -> Iterator[Page]:
    """That page, open at its first board; what it did wrong is looked at in the end."""
    from browser import Page

    found = Page(driver, page_file)
    try:
        found.open("#board=leaner_glue%2Fquick%2Ftest%2F04f580f9%2F99999999")
        yield found
        assert found.faults() == []
    finally:
        found.forget()


@pytest.fixture(scope="session")
def benchmark_index() -> Any:
    """The index of the embedded benchmark rows, which takes seconds to make."""
    from leaner_harness.dataset.contamination import Index, benchmarks

    return Index(benchmarks())


@pytest.fixture
def one_index(monkeypatch: pytest.MonkeyPatch, benchmark_index: Any) -> None:
    """Builds share the index of benchmark rows: each would make the same one."""
    monkeypatch.setattr("leaner_harness.dataset.inspection.Inspector.index", benchmark_index)


@pytest.fixture(scope="session")
def tinyhelen() -> Path:
    """A part of the published data, if it lies beside the checkout; else the test is skipped."""
    folder = Path(os.environ.get("LEANER_TEST_TINYHELEN") or ROOT.parent / "shared" / "tinyhelen")
    if not (folder / "data" / "leaner" / "glue").is_dir():
        pytest.skip("published data are not at hand (LEANER_TEST_TINYHELEN)")
    return folder


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained LLaMA with its tokenizer."""
    import tiny_llama  # torch, which many tests do without

    return tiny_llama.save(tmp_path_factory.mktemp("llama") / "tiny")


@pytest.fixture
def glue(tmp_path: Path) -> Path:
    """A few rows in the published layout."""
    import small_glue

    return small_glue.write_glue(tmp_path / "glue")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A protocol of seconds, by its name `short`."""
    from small_finetune import SHORT

    from leaner_harness.models.finetune.protocol import PROTOCOLS

    monkeypatch.setitem(PROTOCOLS, "short", SHORT)
    return SHORT


@pytest.fixture
def server(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultServer]:
    """The published files on a local server."""
    from small_published import publish

    yield from publish(tmp_path_factory, monkeypatch)
