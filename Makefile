# The one entry for people and for CI: `make help` lists the targets.
# Everything is built with all features, so that targets share what they build.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory

export PATH := $(CURDIR)/target/tools/bin:$(PATH)

# In CI a lock file that does not fit the manifests is a fault.
LOCKED := $(if $(CI),--locked)
ALL := --workspace --all-features $(LOCKED)
# Where cargo puts binaries, whatever the user's configuration says.
BIN = $(shell cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')/debug

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):[^#]*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 12

.PHONY: demo
demo: build ## The whole story in 90 seconds: load, fault, alarm, recovery, drain (only the Rust toolchain and a C compiler)
	$(BIN)/card-demo

.PHONY: soak
soak: tools ## Proofs longer than two minutes, each also in `test` once and short: a hundred kills under load, a hundred rolling restarts, the table of faults with a worker blocked for ten seconds, probes at four fifths of capacity, ten minutes with a collector dead for two
	cargo nextest run --package card-service --all-features $(LOCKED) --test process --stress-count 100 drain::
	cargo nextest run --package card-service --all-features $(LOCKED) --test process --stress-count 20 --run-ignored only stalled
	PLIMSOLL_SOAK_RESTARTS=100 cargo nextest run --package card-service --all-features $(LOCKED) --test process --no-capture rolling::
	PLIMSOLL_SOAK_BLOCK_SECONDS=10 cargo nextest run --package plimsoll --all-features $(LOCKED) --test faults --no-capture
	PLIMSOLL_SOAK_PROBE_SECONDS=10 cargo nextest run --package plimsoll --all-features $(LOCKED) --cargo-profile budget --test soak --no-capture --run-ignored only probes::
	PLIMSOLL_SOAK_SECONDS=600 cargo nextest run --package plimsoll --all-features $(LOCKED) --test soak --no-capture collector

.PHONY: build
build: ## Build every binary
	cargo build $(ALL) --bins

.PHONY: check
check: lint deny fresh workflows tree ## Formatting, lints, documentation, licences, import rules, generated files, workflows

# Which error codes the run has answered with, and where.
SEEN = $(BIN)/errors-seen

.PHONY: test
test: tools budget fuzz-quick ## The whole test suite; installs what it needs; fails on an error code that no test has seen
	cargo test $(ALL) --doc
	rm -f $(SEEN)
	PLIMSOLL_ERRORS_SEEN=$(SEEN) cargo nextest run $(ALL) --no-fail-fast
	$(BIN)/plimsoll errors coverage --seen $(SEEN) --catalog examples/card-service/errors.json

# Counts are those of optimised code, in a target folder of their own.
COST = cargo run --quiet --profile budget --package plimsoll-bench-ours $(LOCKED) --

.PHONY: budget
budget: debian ## Instructions and allocations per request are within bench/budget.toml
	$(COST) check

.PHONY: budget-write
budget-write: debian ## Write bench/budget.toml from what a request costs now
	$(COST) write

# A workspace and a target folder of their own.
BENCH = cargo run --quiet --release --manifest-path bench/Cargo.toml --target-dir bench/target $(LOCKED) --

.PHONY: bench
bench: debian ## Us and our peers side by side, an hour on two idle cores: writes bench/README.md and results.json
	$(BENCH) table

.PHONY: bench-limiter
bench-limiter: debian ## The limiter beside governor, a few minutes on two idle cores: rewrites its section of bench/README.md and results.json
	$(BENCH) table --only limiter

.PHONY: bench-redis
bench-redis: debian ## Limits shared through Redis beside a plain script, six minutes on two idle cores: rewrites their section
	$(BENCH) table --only redis

.PHONY: bench-quick
bench-quick: debian ## The same with few requests, printed only: to see that it works
	$(BENCH) table --quick

# What writes the generated files; with --check it writes nothing and compares.
define generators
$(BIN)/plimsoll slo rules slo/specs/card-service.yaml -o slo/generated/card-service.rules.yaml $(1)
$(BIN)/plimsoll dashboards build slo/specs/card-service.yaml -o dashboards/generated/card-service.json $(1)
$(BIN)/card-service errors export -o examples/card-service/errors.json $(1)
$(BIN)/plimsoll errors lock --catalog examples/card-service/errors.json $(1)
$(BIN)/plimsoll errors lock --catalog examples/card-service/errors.json --prefix PLM --lock crates/errors/errors.lock $(1)
$(BIN)/plimsoll errors docs --catalog examples/card-service/errors.json -o examples/card-service/errors --title "Card service: error codes" $(1)
endef

.PHONY: generate
generate: build ## Write the generated files: rules, dashboard, error codes, their locks and pages
	$(call generators)

# Without a sanitizer it needs no nightly compiler. What it finds is kept in fuzz/corpus,
# a request that breaks something in fuzz/artifacts.
FUZZ = cargo fuzz run --fuzz-dir fuzz --sanitizer none any_request -- -max_len=2048 -verbosity=0 -print_final_stats=1

.PHONY: fuzz
fuzz: wheels ## Requests of any bytes for ten minutes: no panic, no failure outside the shape
	$(FUZZ) -max_total_time=600

.PHONY: fuzz-quick
fuzz-quick: wheels ## The same for ten seconds
	$(FUZZ) -max_total_time=10

# The parts of `check`, each usable alone.

.PHONY: lint
lint: ## Formatting, clippy, rustdoc and import rules, with warnings denied
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy $(ALL) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(ALL) --no-deps --lib
	cargo test $(ALL) --test workspace

# Advisories live in a git database that offline machines cannot fetch; run
# `cargo deny check advisories` where the network allows it.
.PHONY: deny
deny: wheels ## Licences, sources, duplicate and banned crates
	cargo deny --workspace --all-features $(LOCKED) check bans licenses sources

.PHONY: fresh
fresh: build ## Generated files are what the generators write
	$(call generators,--check)

.PHONY: workflows
workflows: wheels ## Audit .github with zizmor
	zizmor --offline --no-progress --strict-collection .github

.PHONY: tree
tree: ## One version of opentelemetry; how many crates the tree has
	cargo tree $(ALL) --edges normal --invert opentelemetry --depth 1
	@printf 'crates in the tree: %s\n' "$$(cargo tree $(ALL) --edges normal --prefix none --no-dedupe --format '{p}' | sort -u | wc -l)"
	@printf 'crates of the facade alone: %s\n' "$$(cargo tree --package plimsoll $(LOCKED) --edges normal --prefix none --no-dedupe --format '{p}' | sort -u | wc -l)"

.PHONY: tools
tools: wheels npm debian ## Install what tests need: wheels into target/tools, npm packages into target/npm, Debian packages

.PHONY: wheels
wheels:
	@scripts/tools wheels

.PHONY: npm
npm:
	@scripts/tools npm

.PHONY: debian
debian:
	@scripts/tools debian

# One required job stands for all; what was skipped or cancelled did not pass.
.PHONY: ci-ok
ci-ok: ## Fail unless every word of RESULTS is `success` (the workflow's aggregate job)
	@test -n "$(RESULTS)"
	@for result in $(RESULTS); do test "$$result" = success || { echo "a job ended in: $$result"; exit 1; }; done
