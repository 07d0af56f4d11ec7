# make demo   run the demo study and say where its figures are
# make test   run the tests
# make thorough  run them with every member of large families
# make faults inject some hundred faults and count those that are survived
# make lint   formatters, linters, type checker
# make docs   build the documentation as a site in .docs/site
# make pictures  make the pictures of the documentation anew, in 45 minutes
# make speed  measure what README's table of speed shows, with the photographs of the folder PHOTOGRAPHS
# The first of them creates .venv from envs/requirements.lock; PYTHON chooses the interpreter. WHEELS, the address of an
# index with PyTorch's wheels without CUDA, makes it install envs/cpu.lock, which takes 1.4 GB in place of 6.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CORES ?= all
PHOTOGRAPHS ?=
WHEELS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test thorough faults lint format lock references docs pictures speed clean

help:
	@sed -n 's/^# //p' Makefile

$(READY): envs/requirements.lock envs/cpu.lock envs/make_venv.sh
	@sh envs/make_venv.sh "$(PYTHON)" "$(VENV)" "$(WHEELS)"
	@touch $@

demo: $(READY)
	@$(BIN)/snakemake --cores $(CORES) --config study=demo -- report
	@echo "demo: trained, measured and drew the study 'demo' (studies/demo.yaml)."
	@echo "Planted factors that the similarity search found (results/demo/tables/table_calibration.md says more):"
	@cut -d '|' -f 2-6 results/demo/tables/table_calibration.md | sed -n '/ResNet/p;/found/p' | sort -ur
	@echo "Look at results/demo/figures/figure_answer.png, and open results/demo/report.html in a browser."

test: $(READY)
	@$(BIN)/python -m pytest tests -n 2 --no-loadscope-reorder
	@echo "test: ran the tests of the workflow; of some large families it ran a part, and 'make thorough' runs all."
	@echo "Look above for failures and skips; tests/README.md says what each folder of tests covers."

thorough: $(READY)
	@WHENCE_THOROUGH=1 $(BIN)/python -m pytest tests -n 2 --no-loadscope-reorder
	@echo "thorough: ran every test of the workflow; tests/README.md says what each folder of tests covers."

faults: $(READY)
	@$(BIN)/python -m tests.faults
	@echo "faults: docs/reliability.md says what each kind is and what is promised."

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/snakefmt --check Snakefile rules
	@$(BIN)/mypy
	@$(BIN)/snakemake --lint
	@echo "lint: ruff, snakefmt, mypy and snakemake --lint found nothing."

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

# Newest versions that fit together, for every Python from 3.11 on.
lock: $(READY)
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/python envs/lock.py

# The JSON schema of a study and the generated tables in docs/.
references: $(READY)
	$(BIN)/python -m workflow_scripts.results.reference

# The documentation as a site, without a network but for the installation of envs/docs.txt. Links are checked.
docs:
	@test -x .docs/venv/bin/mkdocs || { \
	    $(PYTHON) -m venv .docs/venv && .docs/venv/bin/pip install --quiet -r envs/docs.txt; }
	@NO_MKDOCS_2_WARNING=1 .docs/venv/bin/mkdocs build --quiet --strict 
	@echo "docs: open .docs/site/index.html in a browser."

pictures: $(READY)
	@PYTHONPATH=. $(BIN)/python bench/pictures.py
	@echo "pictures: made those in docs anew; look at them before you commit them."

speed: $(READY)
	@test -n "$(PHOTOGRAPHS)" || { echo "speed: say PHOTOGRAPHS=FOLDER, with JPEGs in it"; exit 2; }
	@PYTHONPATH=. $(BIN)/python bench/speed.py "$(PHOTOGRAPHS)"
	@echo "speed: README.md has the new table, and bench/speed.json its numbers."

clean:
	rm -rf $(VENV) .docs .mypy_cache .ruff_cache .pytest_cache
