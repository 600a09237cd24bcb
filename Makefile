# What the README and CONTRIBUTING name; each target makes the environment first.
#   make train       a model of the sample corpus
#   make test        linters and the quick tests, in minutes
#   make check       linters and every test but the long ones
#   make check-rest  what `make check` has beyond `make test`
#   make check-long  the long tests, and properties on 1,000 cases each
#   make docs        the documentation site, in build/docs
#   make notebooks   runs the notebooks and writes them back with their outputs
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed
CHECK := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" scripts/check

.PHONY: train test check check-rest check-long docs notebooks clean

train: $(INSTALLED)
	$(VENV)/bin/toxiclf train corpora/sample_comments.csv --out runs/sample --overwrite

test: $(INSTALLED)
	$(CHECK)

check: $(INSTALLED)
	$(CHECK) -m "not long"

check-rest: $(INSTALLED)
	$(CHECK) --tests-only -m "check and not long"

check-long: $(INSTALLED)
	TOXICLF_CASES=1000 $(CHECK) --tests-only -m "long or hypothesis"

docs: $(INSTALLED)
	$(VENV)/bin/python -m sphinx -W --keep-going -n -q docs build/docs

notebooks: $(INSTALLED)
	$(VENV)/bin/python scripts/run_notebooks.py

$(INSTALLED): pyproject.toml hatch_build.py toxiclf/text/_ngrams.c toxiclf/text/_prefilter.c toxiclf/models/_regression.c
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) runs build
