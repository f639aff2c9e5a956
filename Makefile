# Two commands: `make demo` and `make test`. Both make .venv first, from the lock file.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test lint lock

demo: $(READY)
	$(BIN)/stepdown demo $(ARGS)

test: $(READY)
	$(BIN)/pytest $(ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

$(READY): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes --requirement requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	touch $(READY)

# Needs uv (https://docs.astral.sh/uv/).
# llmlingua brings torch: whoever wants it installs it.
EXTRAS = $(shell $(PYTHON) -c "import tomllib; \
	extras = tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']; \
	print(*('--extra ' + name for name in extras if name != 'llmlingua'))")

lock:
	uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11 \
		$(EXTRAS) --group dev --custom-compile-command "make lock" \
		--output-file requirements/dev.txt pyproject.toml
