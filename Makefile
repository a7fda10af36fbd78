# Every command that people and CI run; `make` alone lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
# Packages of the npm registry that tests need; each folder has its lock file.
NPM := $(addsuffix /node_modules/.package-lock.json,tests/web tests/outside/npm tests/ci)

# Tests that run whole commands, a browser or the fuzzing many times: `make check` leaves them to `make test`.
SLOW := ci proof outside stripe_payouts exit_codes fuzz plan worst_day/test_run.py certificate/test_commands.py \
  http/test_unavailable.py $(addprefix doctor/test_,preflight.py profile_faults.py) \
  $(addprefix states/test_,lying_sources.py odd_ids.py) \
  $(addprefix report/test_,allure.py allure_report.py browser.py compare.py compare_views.py) \
  $(addprefix test_,apart.py cli.py crash.py every_run.py first_hour.py limits.py live.py nasty_target.py new_contract.py plugin.py \
  resume.py runner.py secrets.py short_lists.py unavailable.py unreachable.py unsupported.py waivers.py watch.py workers.py)

# Where it is set, as in many images, Python would compile each module of ours in each of some hundred processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test tests check coverage detection headlines takes bench resources container lint lock clean

help:
	@echo "make demo   set up, certify both APIs against the embedded sandbox, say where the report is"
	@echo "make test   set up, run everything that CI runs: style, types, imports, tests"
	@echo "make check  style, types, imports and the fast tests, in less than a minute"
	@echo "make lint   style, types and imports only"
	@echo "make coverage   write the generated tables: checks and defects of each requirement, honest servers, profile schema"
	@echo "make detection  run every defect against every check: a table and a picture"
	@echo "make headlines  what reports tell first of every defect, and how many headlines a run has"
	@echo "make takes  learn which resources each check takes"
	@echo "make resources  measure what lists of so many ids decide"
	@echo "make bench  measure timings, as ratios within one run"
	@echo "make container  build the image with buildah, and run it; BASE names its base image"
	@echo "make lock   write requirements.lock anew from pyproject.toml"

# pip checks hashes, and builds the project with the locked hatchling: everything that is installed is pinned.
$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(READY)

# The Allure renderer and axe-core, for the tests of the reports; the frameworks of honest servers. Without npm the tests
# that need them skip, and name what is missing.
$(NPM): %/node_modules/.package-lock.json: %/package-lock.json
	@if command -v npm >/dev/null; then \
	  npm ci --prefix $* --no-audit --no-fund --loglevel=error && touch $@; \
	else echo "npm is not installed: the tests that need $* will be skipped"; fi

demo: $(READY)
	$(BIN)/payout-conformance demo

# Side by side: mypy works on one core, and the tests wait as much as they work.
test: $(READY) $(NPM)
	@$(MAKE) --no-print-directory --jobs 2 lint tests

tests: $(READY) $(NPM)
	tests/in_memory.sh $(BIN)/python -m pytest -n 4 --dist loadgroup -q

check: $(READY)
	@$(MAKE) --no-print-directory --jobs 2 lint fast-tests

.PHONY: fast-tests
fast-tests: $(READY)
	tests/in_memory.sh $(BIN)/python -m pytest -n 2 -q $(addprefix --ignore=tests/,$(SLOW))

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

# Runs every defect against every check, not only against those of the requirements that it breaks.
detection: $(READY)
	mkdir -p reports/detection
	for api in withdraws payout-intents; do \
	  $(BIN)/python -m tests.proof.prove $$api reports/detection/$$api.full.json --full && \
	  $(BIN)/python -m tests.proof.matrix $$api reports/detection/$$api.full.json reports/detection || exit 1; \
	done
	$(BIN)/python -m tests.proof.rare

# What a report tells first of each defect: the requirement that is broken, in one headline? Of pairs both? FLAGS=--fuzz
# fuzzes each, too.
headlines: $(READY)
	mkdir -p reports/detection
	for api in withdraws payout-intents; do \
	  $(BIN)/python -m tests.proof.headlines $$api reports/detection/$$api.headlines.json --pairs $(FLAGS) || exit 1; \
	done

# Writes the JSON Schema of a profile, the table of checks and defects beside each specification, and the table of honest
# servers.
coverage: $(READY)
	$(BIN)/python -m conformance.profile_schema >specs/formats/profile.schema.json
	$(BIN)/python -m tests.coverage_table
	$(BIN)/python -m tests.takes_table
	$(BIN)/python -m tests.outside.table

# Learns what each check takes, in seconds: after a check is new, renamed, or takes other resources.
takes: $(READY)
	$(BIN)/python -m tests.takes_table

bench: $(READY)
	$(BIN)/python -m tests.bench

# Builds and tests the image. The base is BASE, or is made of Debian's packages once, which needs mmdebstrap and root, and no
# registry. CA certificates of this machine are lent to the build: its index may be behind a proxy.
IMAGE := localhost/payout-conformance
container: export STORAGE_DRIVER ?= vfs
container: export BUILDAH_ISOLATION ?= chroot
container: $(READY)
	base=$$(BASE="$(BASE)" tests/container/base.sh) && buildah build --quiet --build-arg BASE="$$base" \
	  --volume /etc/ssl/certs:/etc/ssl/certs:ro --tag $(IMAGE) --file Containerfile .
	IMAGE=$(IMAGE) $(BIN)/python -m pytest -q -n 0 tests/container

# What lists of so many ids for each state are worth: MUSTs decided, requests and time. FLAGS="--api withdraws --ids 8,30".
resources: $(READY)
	$(BIN)/python -m tests.bench.resources $(FLAGS)

lock: $(READY)
	$(BIN)/pip-compile --quiet --generate-hashes --strip-extras --allow-unsafe --all-build-deps --extra dev \
	  --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-annotate --no-header \
	  --output-file requirements.lock pyproject.toml

clean:
	rm -rf $(VENV) dist build
