# `make demo` and `make test` set everything up by themselves: a virtual environment in $(VENV), made once and
# refreshed when pyproject.toml changes. Needed: Python 3.11 or newer, and a way to PyPI the first time.

VENV ?= .venv
# The first interpreter on the path that is new enough; plain python3 if none is, so that its version can be named.
PYTHON ?= $(or $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
    $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done),python3)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check install
DEMO := demo

.DEFAULT_GOAL := help
.PHONY: help demo test check format bench docs clean

help:
	@echo "make demo    set up, make a table of bike rentals, train on it, evaluate, predict"
	@echo "make test    set up, then check format, lint and types, then run the tests"
	@echo "make format  format the code and apply safe lint fixes"
	@echo "make bench   set up, run every benchmark, write docs/performance.md (installs torch, jax, onnx to compare with;"
	@echo "             MNIST=file.npz, with x_train y_train x_test y_test, for those that train on it)"
	@echo "make docs    set up, run the pages of docs/lectures, write them with what they print and draw, list the vocabulary"
	@echo "make clean   remove what was built; keeps $(VENV)"

demo: $(VENV)/.installed
	@rm -rf $(DEMO) && mkdir $(DEMO)
	$(BIN)/python examples/make_demo_table.py $(DEMO)
	$(BIN)/ebbflow train $(DEMO)/bikes.csv --target rentals --out $(DEMO)/bikes-model --seed 7
	$(BIN)/ebbflow evaluate $(DEMO)/bikes-model $(DEMO)/bikes-new.csv
	$(BIN)/ebbflow predict $(DEMO)/bikes-model $(DEMO)/bikes-new.csv --out $(DEMO)/predictions.csv
	@echo && head -n 4 $(DEMO)/predictions.csv
	@echo && echo "Learning curves: $(DEMO)/bikes-model/curves.png"

test: check
	$(BIN)/python -m pytest --numprocesses auto

check: $(VENV)/.tested
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/.tested
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.benchmarked
	$(BIN)/python -m benchmarks.report $(if $(MNIST),--data $(MNIST))

docs: $(VENV)/.tested
	$(BIN)/python docs/build.py
	$(BIN)/python docs/vocabulary.py

clean:
	rm -rf build dist $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +

# The marks are touched last, so that an interrupted installation is done again.
$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "ebbflow needs Python 3.11 or newer, but \`$(PYTHON)\` is" \
	      "$$($(PYTHON) --version 2>&1 | head -n 1). Install a newer one, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "Making $(VENV) with $(PYTHON) ..."; $(PYTHON) -m venv $(VENV); }
	@echo "Installing ebbflow into $(VENV) ..."
	@$(PIP) -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) -e ".[test]"
	@touch $@

$(VENV)/.benchmarked: $(VENV)/.tested
	@echo "Installing what the benchmarks compare with into $(VENV) ..."
	@$(PIP) -e ".[benchmark]"
	@touch $@
