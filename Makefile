# Every target sets up what it needs; `make` alone says what there is.
PYTHON ?= python3
BIN := .venv/bin
export HF_HUB_OFFLINE ?= 1

.PHONY: help demo test test-all lint docs bench leaderboard clean

help:
	@grep -E '^[a-z-]+:.*#' Makefile | sed -E 's/:.*# /\t/' | expand -t 14

# One stamp for all targets: the tests' tools are small beside torch.
.venv/ready: pyproject.toml trainers/pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -c constraints.txt -e '.[test,lint,scale]' -e 'trainers[tensorboard]'
	touch $@

demo: .venv/ready  # the whole story, from text to a board, in a few minutes; goes on after Ctrl-C
	$(BIN)/leaner demo

test: .venv/ready  # the fast tests: at most five minutes on two cores
	$(BIN)/python -m pytest -n 2 -m "not slow"

test-all: test  # all tests: the fast ones, then real processes, kills, browsers, two lm_eval versions
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

lint: .venv/ready  # ruff and mypy
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: .venv/ready  # write the generated parts of the documents again
	$(BIN)/python docs/generate.py

# Left out of `bench`: these need a checkpoint, and the studies take hours.
LONG := $(addprefix benchmarks/,finetune_grid.py curricula.py fewer_tokens.py curricula_study.py against_ngram.py)
SCRIPTS := $(shell grep -l __main__ benchmarks/*.py)

bench: .venv/ready  # the speed benchmarks, with each script's defaults
	for script in $(filter-out $(LONG),$(SCRIPTS)); do $(BIN)/python $$script; done

leaderboard: .venv/ready  # build results/README.md from the result files
	$(BIN)/leaner leaderboard build && $(BIN)/leaner leaderboard check

clean:
	rm -rf .venv runs dist build
