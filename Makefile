# make          installs into .venv and runs the pipeline on the photographs that ship with scikit-image: every table
# make TABLES=table4_denoising             the same for one table (or several, separated by commas)
# make test     the tests            make check    ruff, mypy, snakefmt, snakemake --lint
# make test-slurm   the pipeline through a Slurm that it starts on this machine (root; apt-get install slurm-wlm munge)
# make test-browser the report page in a headless Chromium (apt-get install chromium chromium-driver)
# make TORCH_INDEX=URL …             takes torch from another wheel index (a CUDA build, say)
PYTHON ?= python3
PRESET ?= quick
CORES ?= all
TABLES ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
STAMP := .venv/.installed

.PHONY: all install test test-slurm test-browser check format clean

all: install
	@echo "preset $(PRESET): the report will be reports/$(PRESET)/index.md"
	@$(BIN)/python -m bench run --preset $(PRESET) --cores $(CORES) $(if $(TABLES),--config tables=$(TABLES))

NATIVE := .venv/.native
install: $(STAMP) $(NATIVE)

# The operator compiled, where there is a C++ compiler; without one it is computed by torch, and a line says so.
$(NATIVE): $(STAMP) converse/native/build.py $(wildcard converse/native/source/*)
	@$(BIN)/python -m converse.native || true
	@touch $@

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "installing pinned dependencies into .venv (about 3 GB, some minutes)"
	$(PIP) $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) $$(grep '^torch==' constraints.txt)
	$(PIP) -c constraints.txt -e '.[bench,iqa,dev]'
	@touch $@

test: install
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-slurm: install
	$(PIP) -c constraints.txt -e '.[slurm]'
	$(BIN)/python -m pytest tests/slurm $(PYTEST_ARGS)

test-browser: install
	$(PIP) -c constraints.txt -e '.[browser]'
	$(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile
	$(BIN)/snakemake --lint --config preset=quick

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile

clean:
	rm -rf results/runs results/throughput results/logs results/benchmarks results/check reports/quick .snakemake
