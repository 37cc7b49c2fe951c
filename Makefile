# Two commands matter: `make demo` shows the whole idea, `make test` proves it.
# Both install what they need. Compiled output stays out of the clone.

SHELL := /bin/bash
export CARGO_TARGET_DIR ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/telesphor/target
BUNDLE ?=
CAMPAIGN ?= 200
SECONDS_PER_TARGET ?= 60
SEEDS ?= 20
MEMBERS ?= 50
EPOCHS ?= 1000
FILLS ?= 100000
FAULTS ?= 500
MACHINES ?=
SEED ?= 1

.PHONY: help setup browser nats parts build release demo demo-admission demo-flows test lint unit bench crash crash-points matrix cluster faults model fills outage race fuzz audit vectors

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

setup: ## install what building needs (Debian packages; asks for root if it must)
	@./scripts/setup

browser: ## install what the page is tested and pictured with
	@./scripts/setup browser

nats: ## fetch the NATS server that clusters run over
	@./scripts/setup nats

build: setup ## both binaries
	@./scripts/build

release: setup ## both programs, built for use
	@./scripts/release -p telesphor-relay -p telesphor
	@ls -l "$(CARGO_TARGET_DIR)"/release/telesphor "$(CARGO_TARGET_DIR)"/release/telesphor-relay

demo: build ## the whole story on this machine; BUNDLE=path/to/fhir.json for your own record
	@"$(CARGO_TARGET_DIR)/debug/telesphor-demo" $(if $(BUNDLE),--bundle "$(BUNDLE)")

demo-admission: browser build ## an admission: signed roster, roles, shift change, lost badge, discharge; with pictures of the page
	@"$(CARGO_TARGET_DIR)/debug/telesphor-admission" $(if $(BUNDLE),--bundle "$(BUNDLE)")

demo-flows: nats build ## a visit in six steps, a claim, a referral, collecting a record, a study, sums that nobody sees the numbers of, and the relay stolen at the end
	@"$(CARGO_TARGET_DIR)/debug/telesphor-flows" $(if $(BUNDLE),--bundle "$(BUNDLE)")

test: setup lint unit ## everything that must hold

lint: setup
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings

parts: ## install all that the tests need beside what building needs
	@./scripts/setup browser nats ops

unit: parts build
	@./scripts/test

bench: setup ## throughput and cost as ratios within one run (release build, about six minutes after it)
	@./load-tests/run

crash: build ## the long campaign: CAMPAIGN kills under load, every receipt checked
	"$(CARGO_TARGET_DIR)/debug/crash-campaign" --folder "$(CARGO_TARGET_DIR)/../crash-campaign" --kills $(CAMPAIGN)

crash-points: build ## crashes at the syncs, writes, renames, unlinks and truncations of a fixed script, thread by thread; goes on where it was stopped
	"$(CARGO_TARGET_DIR)/debug/crash-points" --folder "$(CARGO_TARGET_DIR)/../crash-points"

fills: nats build ## FILLS racing fills of prescriptions on a cluster that is struck; no overdraw, nothing confirmed is lost
	"$(CARGO_TARGET_DIR)/debug/fills" --folder "$(CARGO_TARGET_DIR)/../fills" --fills $(FILLS) --seed $(SEED)

outage: nats build ## a hospital is cut off for ten minutes; the other one goes on working and writing to it
	"$(CARGO_TARGET_DIR)/debug/outage" --folder "$(CARGO_TARGET_DIR)/../outage"

race: build ## MEMBERS agents race for EPOCHS epochs of one team and are killed, and the relay with them
	"$(CARGO_TARGET_DIR)/debug/race" --folder "$(CARGO_TARGET_DIR)/../race" --members $(MEMBERS) --epochs $(EPOCHS)

matrix: build ## who can read and fetch what, at every step of SEEDS scripts of 60 steps each
	TELESPHOR_RELAY_BIN="$(CARGO_TARGET_DIR)/debug/telesphor-relay" TELESPHOR_MATRIX_SEEDS=$(SEEDS) TELESPHOR_MATRIX_STEPS=60 \
	    cargo test --workspace --locked --test matrix -- --nocapture a_script_by_seed

cluster: nats build ## three relays over three NATS servers on this machine; shows how they stand; Ctrl-C ends it
	@"$(CARGO_TARGET_DIR)/debug/cluster" --folder "$(CARGO_TARGET_DIR)/../cluster"

faults: nats build ## FAULTS faults of relays, network and NATS on a cluster under load; MACHINES=1: full and slow disks and wrong clocks too; SEED names the run
	"$(CARGO_TARGET_DIR)/debug/faults" --folder "$(CARGO_TARGET_DIR)/../faults" --faults $(FAULTS) --seed $(SEED) $(if $(MACHINES),--machines)

model: setup ## the replication protocol, exhaustively within wider bounds (an hour and more; its last budget takes more than 20 GB)
	cargo test --workspace --locked --release --test model -- --include-ignored --nocapture

fuzz: setup ## every fuzz target for SECONDS_PER_TARGET seconds (needs a nightly toolchain and cargo-fuzz)
	@./scripts/fuzz $(SECONDS_PER_TARGET)

audit: ## licences, sources, bans, advisories (needs cargo-deny and the network)
	cargo deny --all-features check

vectors: ## add what is new to the frozen vectors; a difference is a change of format
	cargo run --locked -p telesphor-wire --example make_vectors
	cargo run --locked -p telesphor-clinical --example document_vectors
	cargo run --locked -p telesphor-identity --example identity_vectors
