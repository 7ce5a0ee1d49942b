PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help quickstart install test test-long test-faults lint format lock clean

help:
	@echo "make quickstart   install and play 24 generated household tasks with the expert"
	@echo "make test         the test suite"
	@echo "make install      .venv with everything the suite needs"
	@echo "make lint         ruff, mypy --strict, import-linter"
	@echo "make test-long    minutes of real simulation against TextWorld and recordings"
	@echo "make test-faults  kills workers and drivers, fills disks"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.user: pyproject.toml requirements.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c requirements.lock -e '.[alfworld,ray]'
	@touch $@

$(VENV)/.developer: pyproject.toml requirements.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet -c requirements.lock -e '.[dev]'
	@touch $@ $(VENV)/.user

quickstart: $(VENV)/.user
	$(BIN)/embodied run configs/quickstart.yaml

install: $(VENV)/.developer

test: $(VENV)/.developer
	$(BIN)/python -m pytest

test-long: $(VENV)/.developer
	$(BIN)/python -m pytest -m long

test-faults: $(VENV)/.developer
	$(BIN)/python -m pytest -m faults -s

lint: $(VENV)/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.developer
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 \
		--no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
