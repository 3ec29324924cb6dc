# Every habit is one word; `make` prints them.
PYTHON ?= python3
ARGS ?=
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := words
.DELETE_ON_ERROR:
.PHONY: words setup run demo test lint bench check tests-setup pin clean

PIP := -m pip install --quiet --disable-pip-version-check
CODE := kalita tests $(wildcard bench)

words:
	@echo "make setup   make the environment .venv"
	@echo "make run     serve: .venv/bin/kalita serve \$$(ARGS)"
	@echo "make demo    serve two funded wallets from demo-data, on port 8000"
	@echo "make test    every suite, with all it needs installed; nothing is skipped"
	@echo "make lint    ruff, mypy --strict on the package, the floors of the house"
	@echo "make bench   the speed table, its plot and its figures"
	@echo "make check   lint, and test with longer random runs: all that must be green"

setup: .venv/.run
	@:

run: setup
	.venv/bin/kalita serve $(ARGS)

demo: setup
	.venv/bin/kalita demo --data demo-data $(ARGS)

test: tests-setup
	@tools/suites.sh $(ARGS)

lint: .venv/.test
	.venv/bin/ruff check $(CODE)
	.venv/bin/ruff format --check $(CODE)
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache --no-logo

bench: .venv/.bench
	@tools/need.sh wrk
	.venv/bin/python -m bench $(ARGS)

check: lint
	@KALITA_LONG=1 $(MAKE) test

# What the words above stand on. A stamp file says that its requirements are installed.
tests-setup: .venv/.test .venv-glqiwi/.done .venv-pyqiwip2p/.done .node-qiwi/.done
	@tools/need.sh strace
	@tools/need.sh curl
	@tools/postgres.sh

.venv/bin/python .venv-glqiwi/bin/python .venv-pyqiwip2p/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	    { echo "Kalita needs Python 3.11 or newer, and '$(PYTHON)' is not: name one with make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(@D:/bin=) || \
	    { echo "'$(PYTHON)' cannot make environments: on Debian, apt-get install python3-venv" >&2; exit 1; }

.venv/.run: requirements/build.txt requirements/run.txt pyproject.toml | .venv/bin/python
	.venv/bin/python $(PIP) --require-hashes -r requirements/build.txt -r requirements/run.txt
	.venv/bin/python $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.test: .venv/.run requirements/test.txt
	.venv/bin/python $(PIP) --require-hashes -r requirements/test.txt
	@touch $@

.venv/.bench: .venv/.run requirements/bench.txt
	.venv/bin/python $(PIP) --require-hashes -r requirements/bench.txt
	@touch $@

.venv-glqiwi/.done: requirements/glqiwi.txt | .venv-glqiwi/bin/python
	.venv-glqiwi/bin/python $(PIP) --require-hashes -r requirements/glqiwi.txt
	@touch $@

.venv-pyqiwip2p/.done: requirements/pyqiwip2p.txt | .venv-pyqiwip2p/bin/python
	.venv-pyqiwip2p/bin/python $(PIP) --require-hashes -r requirements/pyqiwip2p.txt
	@touch $@

.node-qiwi/.done: tests/clients/node/package.json tests/clients/node/package-lock.json
	@tools/need.sh node nodejs
	@tools/need.sh npm
	@mkdir -p $(@D) && cp $^ $(@D)
	cd $(@D) && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# For those who keep the pins: regenerate requirements/*.txt.
pin:
	@tools/pin.sh $(ARGS)

clean:
	rm -rf .venv .venv-* .node-qiwi build dist *.egg-info
