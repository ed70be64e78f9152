# ws_manager: `make help` lists what there is. Everything that is built or installed goes to build/ and .venv/, which git
# ignores; system packages are installed only where one is missing, and named first.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

JOBS ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 10
FUZZ_SEED ?= 1
# Further arguments of the program that is started: make demo ARGS="--port 9000", make test-python ARGS="-k rooms -x"
ARGS ?=
, := ,

S := build/stamps
# What is installed in .venv goes with it.
V := .venv/stamps
LOGS := build/logs
PY := .venv/bin/python
# Tests wait more than they work: so many run beside each other.
TEST_JOBS ?= $(shell echo $$((2 * $$(nproc 2>/dev/null || echo 2))))
PYTEST = $(PY) -m pytest -n $(TEST_JOBS) --dist loadgroup
# Of a name, by which an installation that was interrupted is known again.
PIP = .ci/pip-install $(@F)
CMAKE_BUILD := cmake --build
say = @printf '\n\033[1m==> %s\033[0m\n' "$(1)"

PACKAGES_BUILD := build-essential ca-certificates cmake ninja-build pkg-config libwebsockets-dev libwebsockets-evlib-uv libuv1-dev \
	libjansson-dev libjwt-dev libssl-dev libsqlite3-dev uthash-dev python3 python3-venv python3-dev
PACKAGES_TEST := libcmocka-dev clang libclang-rt-dev valgrind openssl
PACKAGES_CHAOS := iproute2 libfaketime
PACKAGES_FILMS := ffmpeg
PACKAGES_PYTHON := ca-certificates python3 python3-venv python3-dev

PACKAGES_NODE := ca-certificates nodejs npm build-essential pkg-config python3 libwebsockets-dev libwebsockets-evlib-uv libjansson-dev \
	libjwt-dev libssl-dev libsqlite3-dev uthash-dev
# The same without Node, where a Node of another origin is there already.
PACKAGES_ADDON := $(filter-out nodejs npm,$(PACKAGES_NODE))

# Every list of files is taken from this one. Folders stand beside their files: without them a file that goes away would not be noticed.
FILES := $(shell .ci/files)
$(if $(FILES),,$(error .ci/files names no file: is this a whole copy of the repository?))
with_folders = $(1) $(patsubst %/,%,$(sort $(dir $(1))))
C_SOURCES := $(call with_folders,$(filter-out csrc/tests/%,$(filter csrc/%.c csrc/%.h csrc/%.cmake csrc/CMakeLists.txt,$(FILES))))
NODE_SOURCES := $(filter node/lib/% node/src/% node/build.js node/sources.js tests/node/package.json tests/node/prepare.sh binding.gyp package.json,$(FILES))
PYTHON_SOURCES := $(call with_folders,$(filter python/%,$(FILES)))
DIST_SOURCES := $(filter node/client/% node/react/% node/tsconfig.web.json tests/web/package.json,$(FILES))
WEB_SOURCES := $(DIST_SOURCES) $(filter tests/web/% tests/vectors/% docs/client.md docs/react.md csrc/events/events.json,$(FILES))
NEXT_SOURCES := $(filter examples/next-dashboard/%,$(FILES))
PAGE_SOURCES := $(filter examples/fastapi-pipelines/web/%,$(FILES))
C_STYLE := $(filter %.c %.h,$(FILES))
# But for a client that stands for other people's, and stays as it is.
JS_STYLE := $(filter-out tests/python/pages/websocket_client.js,$(filter %.js %.mjs %.jsx %.ts %.mts %.tsx package.json,$(FILES)))
VALGRIND_TESTS ?= test_runtime_lifecycle

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-17s %s\n", $$1, $$2 }'

# ---- what is needed ---------------------------------------------------------------------------------------------

$(S)/packages-%: Makefile .ci/need-packages
	@mkdir -p $(@D)
	@.ci/need-packages $(PACKAGES_$*)
	@touch $@

$(V)/venv:
	@.ci/find-python >/dev/null 2>&1 || .ci/need-packages $(PACKAGES_PYTHON)
	$(call say,Making the virtual environment .venv)
	@python=$$(.ci/find-python); echo "    with $$python"; "$$python" -m venv --clear .venv || \
		{ echo "*** the virtual environment .venv could not be made (see above): is there room on the disk, and may this folder be written to?" >&2; exit 1; }
	@mkdir -p $(@D)
	@$(PIP) 'scikit-build-core>=0.11'
	@touch $@

$(V)/requirements-%: pyproject.toml .ci/requirements.py $(V)/venv
	$(call say,Installing what $* needs from PyPI)
	@$(PIP) $$($(PY) .ci/requirements.py $*)
	@touch $@

$(V)/package: $(S)/packages-BUILD $(V)/venv $(V)/requirements-fastapi pyproject.toml README.md $(C_SOURCES) $(PYTHON_SOURCES)
	$(call say,Building and installing the package (C core and Python extension))
	@$(PIP) --no-build-isolation --no-deps --force-reinstall --config-settings=build-dir=build/python .
	@touch $@

$(S)/node: Makefile .ci/find-node
	@mkdir -p $(@D)
	@if .ci/find-node 2>/dev/null; then .ci/need-packages $(PACKAGES_ADDON); else .ci/need-packages $(PACKAGES_NODE); fi
	@.ci/find-node
	@touch $@

$(S)/dist: $(S)/node $(DIST_SOURCES) .ci/compile-web
	$(call say,Compiling the browser client and the React package)
	@.ci/compile-web
	@touch $@

$(S)/web: $(S)/node $(S)/dist $(WEB_SOURCES) .ci/find-node-for-next
	$(call say,Preparing the tests of the browser client and the React package)
	@tests/web/prepare.sh
	@touch $@

$(S)/package-node: $(S)/node $(S)/dist $(NODE_SOURCES) $(C_SOURCES)
	$(call say,Packing the npm package$(,) and installing the tarball into build/node-app)
	@tests/node/prepare.sh node-app -Dwsm_werror=1
	@touch $@

$(S)/node-for-next: $(S)/node .ci/find-node-for-next
	@.ci/find-node-for-next >/dev/null
	@touch $@

$(S)/next-app: $(S)/package-node $(NEXT_SOURCES) .ci/next-app .ci/find-node-for-next
	$(call say,Installing and building the Next.js dashboard in build/next-app)
	@.ci/next-app next-app
	@touch $@

$(S)/next-standalone: $(S)/next-app
	$(call say,The same with standalone output$(,) in build/next-standalone)
	@.ci/next-app next-standalone standalone
	@touch $@

# ---- for users --------------------------------------------------------------------------------------------------

.PHONY: build demo bench
build: $(V)/package ## Build the package and install it in .venv
	@$(PY) -c 'import ws_manager; print("ws_manager", ws_manager.__version__, "is installed in .venv")'

.PHONY: build-node
build-node: $(S)/package-node ## Build the npm package, and install its tarball into build/node-app
	@cd build/node-app && node -p '"ws_manager " + require("ws_manager").version + " is installed in build/node-app; its tarball: build/node-app/" + fs.readdirSync(".").find((name) => name.endsWith(".tgz"))'

# In a place of its own, as what the page is built from has nothing to do with Python.
$(S)/pipelines-page: $(S)/node $(S)/dist $(PAGE_SOURCES) package.json .ci/pipelines-page
	$(call say,Building the page of the demo)
	@.ci/pipelines-page
	@touch $@

$(V)/demo: $(V)/package examples/fastapi-pipelines/requirements.txt
	$(call say,Installing what the demo needs from PyPI)
	@$(PIP) -r examples/fastapi-pipelines/requirements.txt
	@touch $@

demo: $(V)/demo $(S)/pipelines-page ## Run the demo: computer-vision pipelines, live in the browser
	$(call say,Starting the demo)
	@exec $(PY) examples/fastapi-pipelines/run.py $(ARGS)

.PHONY: demo-next
demo-next: $(S)/next-app ## Run the Next.js demo: a machine, its jobs and a board on http://localhost:3000 (ARGS="--port 3001")
	$(call say,Starting the Next.js dashboard)
	@cd build/next-app && PATH="$$(../../.ci/find-node-for-next):$$PATH" NEXT_TELEMETRY_DISABLED=1 exec node node_modules/next/dist/bin/next start $(ARGS)

.PHONY: screenshots
screenshots: $(V)/demo $(S)/pipelines-page $(S)/next-app $(V)/requirements-test ## Take the pictures of the README again, from the running demos
	@CHROMIUM="$$(.ci/find-browser)" $(PY) docs/take_screenshots.py $(ARGS)

bench: $(V)/package $(V)/requirements-test $(S)/package-node build/release/build.ninja ## Measure: speed and size beside bare send() and a home-made manager
	$(call say,Building the measuring programs)
	@$(CMAKE_BUILD) build/release --parallel $(JOBS)
	$(call say,Measuring)
	@$(PY) tests/bench/run.py $(ARGS)

.PHONY: protection
protection: $(V)/package $(V)/requirements-test build/release/build.ninja ## Measure: what honest clients notice of mute, flooding and half-open ones
	$(call say,Building the measuring programs)
	@$(CMAKE_BUILD) build/release --parallel $(JOBS)
	$(call say,Measuring)
	@$(PY) tests/bench/protection.py --json build/protection.json $(ARGS)

.PHONY: chaos soak
chaos: $(S)/packages-CHAOS $(V)/package $(V)/requirements-test build/release/build.ninja ## No silent gap under thirty faults: kill -9, half-open TCP, full disks ... (20 minutes)
	$(call say,Building the programs of the harness)
	@$(CMAKE_BUILD) build/release --parallel $(JOBS)
	$(call say,Faults)
	@$(PY) tests/harness/chaos.py $(ARGS)

soak: $(V)/package $(V)/requirements-test build/release/build.ninja ## An hour of 5,000 clients with churn, floods and slow readers: memory and descriptors flat
	$(call say,Building the programs of the harness)
	@$(CMAKE_BUILD) build/release --parallel $(JOBS)
	$(call say,Soaking)
	@$(PY) tests/harness/soak.py $(ARGS)

# ---- checks -----------------------------------------------------------------------------------------------------

build/%/build.ninja: csrc/CMakeLists.txt csrc/CMakePresets.json $(wildcard csrc/cmake/*.cmake) $(S)/packages-BUILD
	$(call say,Configuring build/$*)
	@cd csrc && cmake --preset $* > ../build/configure-$*.log 2>&1 || { cat ../build/configure-$*.log; exit 1; }
	@touch $@

.PHONY: test test-c test-asan test-tsan test-valgrind test-python test-python-asan test-node test-node-asan test-web test-browser test-browser-long test-next test-harness conformance attacks entrances test-fuzz check-generated fuzz
test: ## All tests: C (plain, sanitizers, valgrind), fuzzers, generated files, Python and Node (plain, sanitizers), conformance, attacks
	@rm -rf $(LOGS)
	@.ci/need-packages $(PACKAGES_BUILD) $(PACKAGES_TEST) $(PACKAGES_CHAOS) $(PACKAGES_FILMS)
	@$(MAKE) test-lanes
	@.ci/summary $(LOGS)

# First all is built, then what waits more than it works is tested side by side, with nothing that compiles beside it. What holds still
# clients and clocks comes last, alone.
.PHONY: test-lanes build-c build-web
test-lanes: $(S)/packages-TEST $(S)/packages-CHAOS $(S)/packages-FILMS $(V)/demo $(V)/requirements-test $(S)/package-node $(S)/node-for-next
	$(call say,Building what is tested; what is said is in $(LOGS)/out)
	@MAKE="$(MAKE)" .ci/side-by-side "build-c $(S)/package-asan" "$(S)/pipelines-page build-web $(S)/package-node-asan"
	$(call say,Tests$(,) side by side; what they say is in $(LOGS))
	@status=0; CHROMIUM="$$(.ci/find-browser)" MAKE="$(MAKE)" .ci/side-by-side "test-c test-asan test-tsan test-valgrind test-fuzz check-generated" \
		"test-python test-python-asan conformance attacks" "test-node test-node-asan test-web test-next test-browser" || status=$$?; \
		$(MAKE) test-harness || status=$$?; exit $$status

build-c: $(foreach preset,debug asan tsan fuzz release,build/$(preset)/build.ninja)
	@for preset in debug asan tsan fuzz release; do $(CMAKE_BUILD) build/$$preset --parallel $(JOBS); done

build-web: $(S)/web $(S)/next-app $(S)/next-standalone

test-c: $(S)/packages-TEST build/debug/build.ninja ## C tests
	$(call say,C tests)
	@mkdir -p $(LOGS)
	@$(CMAKE_BUILD) build/debug --parallel $(JOBS)
	@ctest --test-dir build/debug --output-on-failure --no-tests=error -j $(TEST_JOBS) $(ARGS) 2>&1 | tee $(LOGS)/10-c.log

test-asan: $(S)/packages-TEST build/asan/build.ninja ## C tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(call say,C tests under ASan and UBSan)
	@mkdir -p $(LOGS)
	@$(CMAKE_BUILD) build/asan --parallel $(JOBS)
	@ctest --test-dir build/asan --output-on-failure --no-tests=error -j $(TEST_JOBS) $(ARGS) 2>&1 | tee $(LOGS)/20-c-asan.log

test-tsan: $(S)/packages-TEST build/tsan/build.ninja ## C tests under ThreadSanitizer
	$(call say,C tests under TSan)
	@mkdir -p $(LOGS)
	@$(CMAKE_BUILD) build/tsan --parallel $(JOBS)
	@ctest --test-dir build/tsan --output-on-failure --no-tests=error -j $(TEST_JOBS) $(ARGS) 2>&1 | tee $(LOGS)/30-c-tsan.log

test-valgrind: $(S)/packages-TEST build/debug/build.ninja ## Start and stop of the runtime under valgrind
	$(call say,Runtime under valgrind: $(VALGRIND_TESTS))
	@mkdir -p $(LOGS)
	@$(CMAKE_BUILD) build/debug --parallel $(JOBS)
	@.ci/valgrind build/debug $(VALGRIND_TESTS) 2>&1 | tee $(LOGS)/40-valgrind.log

test-python: $(V)/demo $(S)/pipelines-page $(V)/requirements-test ## Python tests, with the package as it is installed in .venv
	$(call say,Python tests)
	@mkdir -p $(LOGS)
	@CHROMIUM="$$(.ci/find-browser)" $(PYTEST) $(ARGS) 2>&1 | tee $(LOGS)/60-python.log

ASAN_SITE := build/python-asan/site
# Not under ASan: tests that watch the process's memory, which is ASan's own there; forks out of several threads, which ASan's
# allocator does not survive (GCC before 14); browsers; and what does not touch the extension.
NOT_UNDER_ASAN := -o cache_dir=build/python-asan/pytest --ignore-glob='*/test_demo_*.py' --ignore-glob='*/test_docs*.py' --ignore-glob='*/test_seed_javascript.py' --ignore-glob='*/test_installation.py' \
	--deselect tests/python/test_leaks.py::test_memory_stays \
	--deselect tests/python/test_callers.py::test_limits_hold_before_anything_is_inflated \
	--deselect tests/python/test_callers.py::test_limits_hold_with_uvicorn_s_other_implementations \
	--deselect tests/python/test_fork_exit.py::test_fork_then_notify_gets_a_runtime_of_its_own \
	--deselect tests/python/test_fork_exit.py::test_a_receipt_of_the_parent_cannot_be_awaited_in_a_child \
	--deselect tests/python/test_fork_exit.py::test_fork_in_a_thread_while_others_send \
	--deselect tests/python/test_fork_exit.py::test_multiprocessing_workers
$(S)/package-asan: $(V)/package
	$(call say,Building the extension with ASan and UBSan)
	@rm -rf $(ASAN_SITE)
	@$(PIP) --no-build-isolation --no-deps --target $(ASAN_SITE) --config-settings=build-dir=build/python-asan/build \
		--config-settings=cmake.define.WSM_SANITIZE=address --config-settings=cmake.build-type=RelWithDebInfo \
		--config-settings=install.strip=false .
	@touch $@

test-python-asan: $(S)/package-asan $(V)/requirements-test ## Python tests with the extension under ASan and UBSan
	$(call say,Python tests with the extension under ASan and UBSan)
	@mkdir -p $(LOGS)
	@.ci/with-asan $(ASAN_SITE) $(PYTEST) $(NOT_UNDER_ASAN) $(ARGS) 2>&1 | tee $(LOGS)/70-python-asan.log

test-node: $(S)/package-node ## Node tests, with the package as it is installed from its tarball (ARGS="life attach")
	$(call say,Node tests)
	@mkdir -p $(LOGS)
	@tests/node/run.sh node-app $(ARGS) 2>&1 | tee $(LOGS)/75-node.log

$(S)/package-node-asan: $(S)/package-node
	$(call say,Building the addon with ASan and UBSan)
	@tests/node/prepare.sh node-asan -Dwsm_werror=1 -Dwsm_sanitize=address
	@touch $@

test-node-asan: $(S)/package-node-asan ## Node tests with the addon under ASan and UBSan
	$(call say,Node tests with the addon under ASan and UBSan)
	@mkdir -p $(LOGS)
	@WSM_ROUNDS=$${WSM_ROUNDS:-12} tests/node/with-asan tests/node/run.sh node-asan $(ARGS) 2>&1 | tee $(LOGS)/77-node-asan.log

test-web: $(S)/web ## Tests of the browser client and the React package
	$(call say,Tests of the browser client and the React package)
	@mkdir -p $(LOGS)
	@tests/web/run.sh $(ARGS) 2>&1 | tee $(LOGS)/78-web.log

test-browser: $(V)/demo $(S)/pipelines-page $(V)/requirements-test $(S)/package-node ## The browser client in Chromium, against real servers that die (ARGS="restart tabs"; WSM_ROUNDS=5)
	$(call say,The browser client in Chromium)
	@mkdir -p $(LOGS)
	@CHROMIUM="$$(.ci/find-browser)" tests/browser/run.sh $(ARGS) 2>&1 | tee $(LOGS)/785-browser.log

test-browser-long: ## The same, with a hundred kills and longer measurements (10 minutes)
	@WSM_ROUNDS=100 WSM_LIMIT=7200 $(MAKE) test-browser

test-next: $(S)/packages-FILMS $(S)/next-app $(S)/next-standalone $(V)/requirements-test ## Tests inside Next.js, in a browser
	$(call say,Tests inside Next.js)
	@mkdir -p $(LOGS)
	@CHROMIUM="$$(.ci/find-browser)" tests/node/next/run.sh 2>&1 | tee $(LOGS)/79-next.log

test-harness: $(S)/packages-CHAOS $(V)/package $(V)/requirements-test build/release/build.ninja ## Delivery under faults, in short; make chaos does it at full length
	$(call say,Delivery under faults)
	@mkdir -p $(LOGS)
	@$(CMAKE_BUILD) build/release --parallel $(JOBS)
	@$(PY) tests/harness/chaos.py --short 2>&1 | tee $(LOGS)/80-harness.log

conformance: $(V)/package $(V)/requirements-test ## RFC 6455, frame by frame: build/conformance.json has the figures
	$(call say,Conformance to RFC 6455)
	@mkdir -p $(LOGS)
	@cd tests && ../$(PY) -m conformance $(ARGS) 2>&1 | tee ../$(LOGS)/82-conformance.log

attacks: $(V)/package $(V)/requirements-test $(S)/package-node ## Hostile clients, at every entrance: build/attacks.json and build/entrances.json have the figures
	$(call say,Attacks)
	@mkdir -p $(LOGS)
	@cd tests && ../$(PY) -m attacks $(ARGS) 2>&1 | tee ../$(LOGS)/84-attacks.log
	@$(MAKE) entrances

entrances: $(V)/package $(V)/requirements-test $(S)/package-node ## The second half of it: every entrance under every attack, and who hears what behind each application
	$(call say,Entrances)
	@mkdir -p $(LOGS)
	@cd tests && ../$(PY) -m entrances $(ARGS) 2>&1 | tee ../$(LOGS)/86-entrances.log

test-fuzz: $(S)/packages-TEST build/fuzz/build.ninja ## Each fuzzer for FUZZ_SECONDS (10)
	$(call say,Fuzzers$(,) $(FUZZ_SECONDS) s each)
	@mkdir -p $(LOGS)
	@$(CMAKE_BUILD) build/fuzz --parallel $(JOBS)
	@.ci/fuzz build/fuzz $(FUZZ_SECONDS) $(JOBS) $(FUZZ_SEED) 2>&1 | tee $(LOGS)/50-fuzz.log

fuzz: ## Each fuzzer for ten minutes (make fuzz FUZZ_SECONDS=3600)
	@$(MAKE) test-fuzz FUZZ_SEED=0 FUZZ_SECONDS=$(if $(filter-out 10,$(FUZZ_SECONDS)),$(FUZZ_SECONDS),600)

generate: $(V)/package ## Makes generated files anew: after changing options, events, the admin panel
	@$(PY) csrc/events/generate.py && $(PY) csrc/admin/generate.py && $(PY) docs/generate_configuration.py && python3 csrc/house.py --write

check-generated: $(V)/package ## Generated files are those that their sources give
	$(call say,Generated files)
	@mkdir -p $(LOGS)
	@{ $(PY) csrc/events/generate.py --check && $(PY) csrc/admin/generate.py --check && $(PY) docs/generate_configuration.py --check \
		&& echo "generated files are fresh"; } 2>&1 | tee $(LOGS)/55-generated.log

.PHONY: generate lint format clean
PRETTIER = build/node-app/node_modules/.bin/prettier
lint: $(V)/package $(S)/package-node $(V)/requirements-test $(V)/requirements-lint ## Formatting, linters, types
	$(call say,clang-format)
	@.venv/bin/clang-format --dry-run -Werror $(C_STYLE) && echo "$(words $(C_STYLE)) C files are formatted"
	$(call say,ruff)
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	$(call say,mypy --strict)
	@.venv/bin/mypy
	@.venv/bin/python -m mypy.stubtest ws_manager._core
	$(call say,prettier and tsc --strict)
	@$(PRETTIER) --check --log-level warn $(JS_STYLE) && echo "$(words $(JS_STYLE)) files are formatted"
	@tests/node/types.sh
	$(call say,Shell scripts and house rules)
	@.ci/files | while read -r file; do read -r first <"$$file" || true; case $$first in '#!'*sh) bash -n "$$file" ;; esac; done
	@.ci/house-rules

format: $(V)/requirements-lint $(S)/package-node ## Format C, Python and JavaScript sources
	@.venv/bin/clang-format -i $(C_STYLE)
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .
	@$(PRETTIER) --write --log-level warn $(JS_STYLE)

clean: ## Remove everything that was built or installed here
	rm -rf build dist examples/fastapi-pipelines/web/dist .venv .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
