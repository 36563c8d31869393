# Two commands matter: `make demo` and `make test`. Both build .venv first, once; nothing outside this folder
# is touched. Another Python: make PYTHON=python3.13 demo. Another picture: make demo IMAGE=my.png
PYTHON ?= python3
IMAGE  ?= sample:astronaut@128
BUDGET ?= 2m

BIN     := .venv/bin
STAMP   := .venv/.installed
DOCS    := .venv/.installed-docs
# A second demo must not fail because the first one left its study behind.
NAME    ?= demo-$(shell date +%Y%m%d-%H%M%S)
# Tests run in this many processes, each of one thread.
JOBS    ?= 2

# Small tensors gain nothing from threads, and two cores are soon oversubscribed.
export OMP_NUM_THREADS ?= 1

.PHONY: help demo test coverage lint format docs clean

help:
	@echo "make demo    restore a bundled picture in about two minutes ($(IMAGE), half of its pixels hidden)"
	@echo "make test    run all tests"
	@echo "make coverage  the same, and which lines of the package they ran"
	@echo "make lint    ruff and mypy"
	@echo "make format  let ruff put the code in order"
	@echo "make docs    build the pages of docs/ and check their links"
	@echo "make clean   remove .venv and everything that tools have left; studies stay"

demo: $(STAMP)
	$(BIN)/python cli.py search --task inpaint $(IMAGE) --missing 50 --budget $(BUDGET) --name $(NAME)
	@echo
	@echo "Look at  studies/$(NAME)/report.html           how it was found"
	@echo "         studies/$(NAME)/best/restored.png     the picture"
	@if test -e studies/$(NAME)/best/architecture.yaml; then \
		echo "         studies/$(NAME)/best/architecture.yaml  the network, to use again:"; \
		echo "         $(BIN)/python cli.py restore studies/$(NAME) other.png --task inpaint"; \
	fi

test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile

# Lines that run in other processes (workers, the command line) only are not counted.
coverage: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --cov=dipsearch --cov-report=term:skip-covered

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# From nothing every time: a page that did not change would keep quiet about what is wrong with it.
docs: $(DOCS)
	rm -rf docs/_build docs/api/generated
	$(BIN)/python -m sphinx -q --fail-on-warning --keep-going -b html docs docs/_build/html
	@echo "Look at  docs/_build/html/index.html"

clean:
	rm -rf docs/_build docs/api/generated
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is newer than the two files that decide what is installed, or the installation is repeated.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("dipsearch needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; name another one: make PYTHON=python3.13")'
	@echo "Installing dipsearch into .venv (PyTorch is large: the first time takes a few minutes)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@# Where Python may write no bytecode, compiling at every start would take a quarter of a second.
	@$(BIN)/python -m compileall -q dipsearch
	@touch $@

$(DOCS): $(STAMP)
	@echo "Installing what builds the pages into .venv"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@
