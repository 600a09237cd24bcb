# The two commands of the README: make train, make test. Both make the environment first.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/.installed

.PHONY: train test clean

train: $(INSTALLED)
	$(VENV)/bin/toxiclf train corpora/sample_comments.csv --out runs/sample

test: $(INSTALLED)
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" scripts/check

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) runs
