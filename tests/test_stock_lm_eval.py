"""Real processes: the stock `lm_eval` command after `pip install`, in new environments."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import fresh_environment
import pytest
import small_glue
from conftest import ROOT
from fresh_environment import Environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

STARTUP = ROOT / "leaner_harness" / "lm_eval_plugin" / "startup"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return fresh_environment.build_wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory, wheels: dict[str, Path]) -> Environment:
    folder = tmp_path_factory.mktemp("environment") / "venv"
    ours = wheels["leaner_harness"], wheels["leaner_trainers"], wheels["leaner_example"]
    return fresh_environment.create(folder, *ours, "lm_eval==0.4.13")


def scored(environment: Environment, out: Path) -> dict[str, object]:
    (path,) = out.rglob("results_*.json")
    return dict(json.loads(path.read_text()))


def score(checkpoint: Path, out: Path, *more: str) -> list[str]:
    """The README's command, on a few rows."""
    return [
        *more, "--tasks", "leaner_glue_mini", "--model", "hf",
        "--model_args", f"pretrained={checkpoint}", "--limit", "8", "--batch_size", "16",
        "--device", "cpu", "--output_path", str(out),
    ]  # fmt: skip


def test_the_wheel_holds_the_start_up_files_byte_for_byte(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["leaner_harness"]) as wheel:
        top = [name for name in wheel.namelist() if "/" not in name]
        assert sorted(top) == sorted(path.name for path in STARTUP.iterdir() if path.is_file())
        for name in top:
            assert wheel.read(name) == (STARTUP / name).read_bytes()
        assert not [name for name in wheel.namelist() if "startup/" in name]
        assert "leaner_harness/tasks/leaner_glue/cola.yaml" in wheel.namelist()


@pytest.mark.parametrize("lm_eval", ["0.4.12", "0.4.13", "editable"])
def test_the_stock_command_scores(
    lm_eval: str, tmp_path: Path, wheels: dict[str, Path], checkpoint: Path
) -> None:
    env = fresh_environment.create(tmp_path / "venv", wheels["leaner_harness"])
    if lm_eval == "editable":
        pip = ["python", "-m", "pip"]
        fetch = ["download", "-q", "--no-deps", "--no-binary", "lm_eval", "lm_eval==0.4.13"]
        env.run(*pip, *fetch, "-d", str(tmp_path))
        (archive,) = tmp_path.glob("lm_eval-*.tar.gz")
        env.run("python", "-m", "tarfile", "-e", archive, tmp_path / "source")
        (source,) = (tmp_path / "source").iterdir()
        env.run(*pip, "install", "-q", "--no-deps", "--ignore-installed", "-e", source)
    else:
        fresh_environment.install(env, f"lm_eval=={lm_eval}")
    env.run("lm_eval", *score(checkpoint, tmp_path / "out"))
    output = scored(env, tmp_path / "out")
    assert output["lm_eval_version"] == ("0.4.13" if lm_eval == "editable" else lm_eval)
    groups = output["groups"]
    assert isinstance(groups, dict) and "leaner_score,none" in groups["leaner_glue_mini"]


def test_run_ls_and_validate_know_our_tasks(
    environment: Environment, checkpoint: Path, tmp_path: Path
) -> None:
    listed = environment.run("lm-eval", "ls", "tasks").stdout
    for name in ("leaner_glue_cola", "leaner_glue_mini_stsb", "example_sky", "hellaswag"):
        assert name in listed
    valid = environment.run("lm_eval", "validate", "--tasks", "leaner_glue,leaner_glue_mini")
    assert "valid" in (valid.stdout + valid.stderr)
    environment.run("lm-eval", *score(checkpoint, tmp_path / "out", "run"))
    assert "leaner_glue_mini" in scored(environment, tmp_path / "out")["results"]  # type: ignore[operator]


@pytest.mark.parametrize("model", ["leaner", "leaner-finetune"])
def test_the_stock_command_needs_no_device(
    model: str, environment: Environment, checkpoint: Path, tmp_path: Path
) -> None:
    """lm_eval asks for `cuda:0` where nobody chose a device, and so on machines without a GPU."""
    arguments = f"pretrained={checkpoint}" + (",protocol=quick" if "-" in model else "")
    environment.run(
        "lm_eval", "--model", model, "--model_args", arguments, "--tasks", "leaner_glue_cola",
        "--output_path", str(tmp_path / "out"),
        LEANER_DATA=str(small_glue.write_glue(tmp_path / "glue")), LEANER_SPLIT="validation",
    )  # fmt: skip
    assert "leaner_score,none" in json.dumps(scored(environment, tmp_path / "out")["results"])


def test_accelerate_launch_works(
    environment: Environment, checkpoint: Path, tmp_path: Path
) -> None:
    launch = ["python", "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "1"]
    environment.run(*launch, "-m", "lm_eval", *score(checkpoint, tmp_path / "out"))
    assert "leaner_glue_mini" in scored(environment, tmp_path / "out")["results"]  # type: ignore[operator]


def test_the_switch_turns_the_start_up_file_off(environment: Environment) -> None:
    validate = ["lm_eval", "validate", "--tasks", "leaner_glue"]
    off = environment.run(*validate, check=False, LEANER_LM_EVAL="0")
    assert "not found" in (off.stdout + off.stderr).lower()
    path = environment.run("leaner", "tasks-path").stdout.strip()
    again = environment.run(*validate, "--include_path", path, LEANER_LM_EVAL="0")
    assert "not found" not in (again.stdout + again.stderr).lower()


def test_leaner_lm_eval_needs_no_start_up_file(
    environment: Environment, checkpoint: Path, tmp_path: Path
) -> None:
    words = score(checkpoint, tmp_path / "out")
    environment.run("leaner", "lm-eval", *words, LEANER_LM_EVAL="0")
    assert "leaner_glue_mini" in scored(environment, tmp_path / "out")["results"]  # type: ignore[operator]


def test_stock_tasks_are_all_there_and_unchanged(environment: Environment) -> None:
    code = (
        "import json, lm_eval.tasks as t\n"
        "index = t.TaskManager().task_index\n"
        "print(json.dumps({n: str(e.yaml_path) for n, e in index.items()}))"
    )
    stock = json.loads(environment.run("python", "-c", code).stdout.splitlines()[-1])
    ours = json.loads(
        environment.run(
            "python", "-c", "import leaner_harness.lm_eval_plugin\n" + code
        ).stdout.splitlines()[-1]
    )
    assert len(stock) > 10_000
    assert {name: ours[name] for name in stock} == stock
    added = set(ours) - set(stock)
    assert "leaner_glue" in added and all("leaner" in n or "example" in n for n in added)


def test_the_same_run_twice_gives_the_same_numbers(
    environment: Environment, checkpoint: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        environment.run("lm_eval", *score(checkpoint, tmp_path / name))
    one, two = (scored(environment, tmp_path / name) for name in ("one", "two"))
    for key in ("results", "groups", "n-samples"):
        assert one[key] == two[key]
    records = [{k: c["metadata"]["leaner"] for k, c in o["configs"].items()} for o in (one, two)]  # type: ignore[attr-defined]
    assert records[0] == records[1]


@pytest.mark.parametrize("rows", ["mini", "local"])
def test_no_socket_is_opened(
    rows: str, environment: Environment, checkpoint: Path, tmp_path: Path
) -> None:
    block = tmp_path / "blocked"
    block.mkdir()
    (block / "sitecustomize.py").write_text(
        "import socket\n"
        "def refuse(*args, **kwargs):\n"
        "    raise SystemExit(f'a socket was opened: {args}')\n"
        "socket.socket.connect = socket.socket.connect_ex = refuse\n"
        "socket.create_connection = socket.getaddrinfo = refuse\n"
    )
    proof = "import socket; socket.create_connection(('127.0.0.1', 9))"
    blocked = environment.run("python", "-c", proof, check=False, PYTHONPATH=str(block))
    assert "a socket was opened" in blocked.stderr
    words = score(checkpoint, tmp_path / "out")
    local = {}
    if rows == "local":
        words[words.index("leaner_glue_mini")] = "leaner_glue"
        folder = small_glue.write_glue(tmp_path / "glue")
        local = {"LEANER_DATA": str(folder), "LEANER_SPLIT": "validation"}
    environment.run("lm_eval", *words, PYTHONPATH=str(block), **local)
    output = scored(environment, tmp_path / "out")
    assert "leaner_score,none" in output["groups"][words[words.index("--tasks") + 1]]  # type: ignore[index]


def test_a_strangers_plugin_trains_and_is_scored(environment: Environment, tmp_path: Path) -> None:
    listed = json.loads(environment.run("leaner", "plugins", "--json").stdout)
    assert "leaner-example/tiny-gpt" in {plugin["name"] for plugin in listed["plugins"]}
    checks = environment.run("leaner", "plugins", "check", "leaner-example", "--json").stdout
    assert all(check["passed"] for check in json.loads(checks))
    settings = ["architecture=tiny-gpt", "steps=5", "warmup=1", "words=20000"]
    words = [word for setting in settings for word in ("--set", setting)]
    environment.run("leaner", "train", "llama-demo", *words, "--out", tmp_path / "model")
    evaluate = ["lm_eval", "--model", "hf", "--model_args", f"pretrained={tmp_path / 'model'}"]
    evaluate += ["--tasks", "example_sky", "--device", "cpu", "--output_path", str(tmp_path / "o")]
    environment.run(*evaluate)
    assert "example_sky" in scored(environment, tmp_path / "o")["results"]  # type: ignore[operator]


def test_uninstalling_leaves_nothing(tmp_path: Path, wheels: dict[str, Path]) -> None:
    env = fresh_environment.create(tmp_path / "venv")
    before = env.listing()
    fresh_environment.install(env, wheels["leaner_harness"])
    assert "leaner_lm_eval_bridge.pth" in env.listing()
    env.run("leaner", "--version")
    env.run("python", "-m", "pip", "uninstall", "-q", "-y", "leaner-harness")
    assert env.listing() == before
