# `make demo` and `make test` do all the set-up themselves, in .venv. Nothing is installed twice.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test check bench clean

help:
	@echo "make demo    read hand signs, find cars, roads and points on faces, grade the solutions; writes demo/index.html"
	@echo "make test    run the tests"
	@echo "make check   formatting, lint, types"
	@echo "make bench   measure training speed"

demo: .venv/.demo-installed
	$(BIN)/kcc demo

# In two processes: most tests trace or compile, which keeps one core busy. Files in the order of tests/conftest.py.
test: .venv/.dev-installed
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: .venv/.dev-installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: .venv/.dev-installed
	$(BIN)/python benchmarks/train_resnet.py

clean:
	rm -rf .venv

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "Python 3.11, 3.12 or 3.13 is needed (TensorFlow has no other), and $(PYTHON) is not. Try: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

.venv/.demo-installed: pyproject.toml | .venv/bin/python
	@echo "Installing into .venv: TensorFlow, Keras and a few small packages (about 1 GB, some minutes)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.dev-installed: pyproject.toml | .venv/bin/python
	@echo "Installing into .venv: TensorFlow, Keras, JAX and the test tools (about 2 GB, some minutes)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/.demo-installed
