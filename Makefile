# Needs Python 3.11 or later; the rest is set up by the targets themselves.
#
#   make demo              a sample bookstore at http://127.0.0.1:8000/; PORT=8001: elsewhere
#   make test              all checks and tests; ARGS="tests/unit -k alea": those
#                          JOBS=0: one after the other, in one process
#   make bench             load benchmarks; ARGS="fanout --clients 500": that case
#   make soak MINUTES=30   many clients that come, go and lose their connections, for that long
#   make matrix            the tests under every Python and every Debian PostgreSQL found
#
# With CI set, what cannot be set up is an error; else it is named and its tests are skipped.
#   PYTHON=python3.13              which Python makes the virtual environment
#   VENV=.venv-x                   another virtual environment, such as for
#   DJANGO='Django==5.2.*'         another Django than the latest
#   DDDP_PG_BIN=/usr/.../bin       another PostgreSQL than the one of PyPI
#   DDDP_CHROMIUM=/usr/...         another Chromium than the one on the PATH

VENV ?= .venv
BIN := $(abspath $(VENV))/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ARGS ?=
JOBS ?= 2
DJANGO ?=
export PYTHON
export PATH := $(BIN):$(PATH)

.PHONY: demo test lint pytest matrix clean
.NOTPARALLEL:

demo: $(VENV)/.demo
	@PORT=$(PORT) exec $(BIN)/python examples/bookstore/demo.py

test: lint pytest

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

pytest: $(VENV)/.test
	@.ci/node $(VENV)
	@.ci/balancers
	@chromium=$$(.ci/chromium $(VENV)) && \
	DDDP_CHROMIUM=$$chromium exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

matrix:
	@for python in $$(.ci/python --all); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "== Python $$version"; \
		$(MAKE) --no-print-directory pytest PYTHON=$$python VENV=.venv-$$version || exit 1; \
	done
	@for server in $(wildcard /usr/lib/postgresql/*/bin/postgres); do \
		$$server --version; \
		DDDP_PG_BIN=$${server%/postgres} $(MAKE) --no-print-directory pytest || exit 1; \
	done

clean:
	rm -rf .venv .venv-* tests/clients/node_modules examples/bookstore/react/node_modules artifacts .mypy_cache .ruff_cache .pytest_cache

# Older than pyproject.toml, or not there: install anew.
$(VENV)/.demo $(VENV)/.bench $(VENV)/.test: $(VENV)/.%: pyproject.toml
	@.ci/venv $(VENV)
	@echo "Installing Python packages into $(VENV)"
	@$(PIP) install -q -e '.[$*]' $(if $(DJANGO),'$(DJANGO)')
	@touch $@

.PHONY: bench
bench: $(VENV)/.bench
	@$(BIN)/python -m benchmarks $(ARGS)

# Random programs against the database; MINUTES=60: for that long.
MINUTES ?= 10
.PHONY: fuzz
fuzz: $(VENV)/.test
	@DDDP_FUZZ_SECONDS=$$((60 * $(MINUTES))) $(BIN)/python -m pytest tests/fuzz

# 500 clients that come, go and lose their connections; prints what the server needs meanwhile.
.PHONY: soak
soak: $(VENV)/.test
	@DDDP_SOAK_SECONDS=$$((60 * $(MINUTES))) DDDP_SOAK_CLIENTS=500 \
		$(BIN)/python -m pytest -n0 tests/soak
