# `make run` and `make test` need nothing but Python 3.11 or newer. Every target is safe to repeat.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || command -v python)
PY := .venv/bin/python

.PHONY: help run setup setup-test test lint bench format docs lock

help:
	@echo "make run     set everything up and start Remit: web, workers and watchdog"
	@echo "make test    set everything up and run every test"
	@echo "make lint    ruff, mypy and import-linter"
	@echo "make bench   measure what the README promises"
	@echo "make docs    write docs/states.md anew from the code"
	@echo "make format  format the code"
	@echo "make lock    pin what requirements*.in ask for (needs uv)"

run: setup
	@exec $(PY) -m config.processes

setup:
	@"$(PYTHON)" config/environment.py

setup-test:
	@"$(PYTHON)" config/environment.py --test

# What starts processes and browsers of its own has the machine to itself.
ALONE := tests/contract tests/e2e tests/faults tests/test_running.py

test: setup-test
	@$(PY) -m pytest -n auto --maxprocesses 8 --dist worksteal $(ALONE:%=--ignore=%)
	@$(PY) -m pytest $(ALONE)

lint: setup-test
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy apps config clients/python/remit_client
	@.venv/bin/lint-imports

bench: setup-test
	@$(PY) -m tests.benchmarks

docs: setup
	@$(PY) manage.py write_states

format: setup-test
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

lock:
	@uv pip compile -q --generate-hashes --custom-compile-command "make lock" --python-version 3.11 requirements.in -o requirements.txt
	@uv pip compile -q --generate-hashes --custom-compile-command "make lock" --python-version 3.11 requirements-test.in -o requirements-test.txt
