# The whole project from one command line: `make help` lists the targets.
PYTHON  ?= $(shell for p in python3 python3.12 python3.13 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
HOST    ?= localhost
PORT    ?= 8501
GPU     ?=
ARGS    ?=
JOBS    ?= 2
VENV    := .venv
BIN     := $(VENV)/bin
UV      := $(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode
# A browser opens by itself where there is a screen.
HEADLESS := $(if $(DISPLAY)$(WAYLAND_DISPLAY)$(filter Darwin,$(shell uname)),false,true)
RUN_STAMP := $(VENV)/.run-installed$(if $(GPU),-gpu)
DEV_STAMP := $(VENV)/.dev-installed

.DEFAULT_GOAL := help
.PHONY: help run test lint types unit e2e format lock browser train evaluate publish open-test clean

help: ## list every target
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'
	@echo "  variables: PORT=8501 HOST=localhost GPU=1 (CUDA build of TensorFlow) PYTHON=python3.12 JOBS=2 (processes of the tests, 1 GB each) ARGS='...'"

run: $(RUN_STAMP) ## set up, then open the dashboard on http://localhost:8501
	$(BIN)/streamlit run app.py --server.address $(HOST) --server.port $(PORT) \
		--server.headless $(HEADLESS) --server.showEmailPrompt false $(ARGS)

test: lint types unit e2e ## set up, then every check: lint, types, unit, page and browser tests

lint: $(DEV_STAMP) ## ruff, lint and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV_STAMP) ## mypy on facecore
	$(BIN)/mypy

unit: $(DEV_STAMP) ## everything but the browser tests
	$(BIN)/python -m pytest -m "not e2e" -n $(JOBS) --dist loadfile $(ARGS)

e2e: $(DEV_STAMP) browser ## browser tests in Chromium
	$(BIN)/python -m pytest -m e2e -n $(JOBS) --dist loadfile $(ARGS)

format: $(DEV_STAMP) ## let ruff mend style and layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

browser: ## use the Chromium that is there, else install one
	@tests/e2e/install_browser.sh $(BIN)/python

train: $(RUN_STAMP) ## train one network: make train ARGS='--config training/configs/gender.toml'
	$(BIN)/python training/train.py $(ARGS)

evaluate: $(RUN_STAMP) ## evaluate the networks on their validation splits
	$(BIN)/python -m facecore evaluate $(ARGS)

publish: $(RUN_STAMP) ## write a finished run's bundle, development reports, threshold: make publish NAME=gender RUN=~/facecore-runs/gender
	@test -n "$(NAME)" || { echo "Name the bundle: make publish NAME=expression_model1 [RUN=folder]"; exit 1; }
	$(BIN)/python training/publish.py $(NAME) $(if $(RUN),--run-dir $(RUN)) $(ARGS)

open-test: $(RUN_STAMP) ## open the test splits for a published network, once: make open-test NAME=gender
	@test -n "$(NAME)" || { echo "Name the bundle: make open-test NAME=expression_model1"; exit 1; }
	$(BIN)/python training/open_test.py $(NAME) $(ARGS)

lock: $(VENV)/.created ## renew the lock files from requirements*.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements.txt -o requirements.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 requirements-dev.txt -c requirements.lock -o requirements-dev.lock

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .artifacts

$(VENV)/.created:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed and was not found; install one or pass PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9,<1'
	@touch $@

$(RUN_STAMP): requirements.lock $(VENV)/.created
	@echo "Installing the locked dependencies (a few minutes the first time) ..."
	$(UV) -r requirements.lock
ifneq ($(GPU),)
	$(UV) -c requirements.lock 'tensorflow[and-cuda]'
endif
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(VENV)/.created
	@echo "Installing the locked dependencies (a few minutes the first time) ..."
	$(UV) -r requirements-dev.lock
	@touch $@
