# Every recipe line is one command, so that it can be typed by hand just as well.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up test soak fuzz verify test-browser test-dynamodb-local test-release screenshots lint bins release bench build build-check deploy supply sbom tools arm64

# One target directory: the tests and the local stack look for binaries there.
export CARGO_TARGET_DIR := $(CURDIR)/target
export SAM_CLI_TELEMETRY := 0

FUNCTIONS := $(notdir $(wildcard functions/*))
LOCAL := --cargo-lambda .tools/bin/cargo-lambda
STACK ?= ciba
# Each has a browser of its own. `--workspace`, here as elsewhere: for one package alone Cargo would choose other features, and
# build again what `cargo test --workspace` has built.
BROWSER_TESTS := cargo test --workspace --test browser -- --test-threads=2

# `cargo auditable` has each binary carry the list of what it was built from. It runs `$CARGO` with the variables that
# this takes; here that is `env`, which starts SAM as usual and with the tools in the path.
SAM_BUILD := CARGO=env .tools/bin/cargo-auditable auditable -u CARGO PATH="$(CURDIR)/.tools/bin:$(PATH)"
PROFILE ?= release

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

demo: tools bins ## the whole flow on this machine; MODE=ping or push instead of poll, APPROVE=auto needs no hand, TLS=1 speaks TLS, SEED=folder names other clients and people
	target/debug/ciba-local demo $(LOCAL) $(if $(TLS),--tls) $(if $(TLS12),--tls12) $(if $(SEED),--seed $(SEED)) $(if $(APPROVE),--approve $(APPROVE)) $(if $(MODE),--mode $(MODE))

up: tools bins ## the stack of the demo, left running until Ctrl-C; TLS=1 with TLS and a host for mutual TLS, where TLS12=1 takes TLS 1.2, too
	target/debug/ciba-local up $(LOCAL) $(if $(TLS),--tls) $(if $(TLS12),--tls12) $(if $(SEED),--seed $(SEED))

# Everything is built before anything runs, so that no suite waits for a build that another one holds.
test: lint bins ## everything that has to hold; REQUIRE_BROWSER=1 fails where there is no Chromium
	cargo test --workspace --no-run
	cargo test --workspace --no-run --test stack --test browser
	.tools/bin/python tests/suites.py $(if $(REQUIRE_BROWSER),--require-browser)
	.tools/bin/python tests/ran.py

# What an hour finds and minutes do not. Fuzzing takes four minutes for each target here, ten by itself.
verify: tools bins ## what `make test` has no time for: the whole soak, fuzzing, all client programs, the release binaries; meant for 90 minutes
	$(MAKE) soak
	$(MAKE) fuzz SECONDS_EACH=240
	cargo test --workspace --test stack -- clients::
	$(MAKE) test-release

soak: ## ten thousand flows over faults, meant for half an hour; SEED=7 FLOWS=2000 for others
	SOAK_SEED=$(SEED) SOAK_FLOWS=$(FLOWS) cargo test --workspace --test provider -- --ignored --exact soak::as_many_flows_as_are_asked_for_keep_every_promise

fuzz: ## each fuzz target for ten minutes; SECONDS_EACH=60 for less, TARGETS='jwt form' for some
	SECONDS_EACH=$(SECONDS_EACH) tests/fuzz/run.sh $(TARGETS)

test-browser: tools bins ## the pages in headless Chromium with a virtual passkey; `make test` does it where there is Chromium
	@tests/browser.sh $(BROWSER_TESTS)

test-dynamodb-local: ## the provider's tests on AWS's DynamoDB Local; needs a JDK of 17 or later, and Maven
	@tests/dynamodb-local/provider.sh

screenshots: tools ## pictures of the pages, into target/screenshots; needs Chromium
	@tests/browser.sh $(BROWSER_TESTS) --ignored --exact screenshots::take

lint: tools ## format and lints of the code, lints of the template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --test stack --test browser -- -D warnings
	.tools/bin/sam validate --lint --region us-east-1
	.tools/bin/cfn-lint template.yaml

# All in one command: built one by one they would get other features, and `cargo lambda watch` would build them again.
bins:
	cargo build --workspace --bins

# Without link-time optimisation, which takes a minute per function and changes nothing that a test looks at.
release: export CARGO_PROFILE_RELEASE_LTO := off
release:
	cargo build --release $(addprefix --package ,$(FUNCTIONS))

# `make test` sees the same of the binaries at hand; drift/profiles.rs holds that the profile makes no difference to it.
test-release: tools bins release ## the release binaries refuse settings that are fit for one's own machine only
	TEST_FUNCTIONS=target/release cargo test --workspace --test stack -- release::

# The functions with the whole release profile, and beside them one that does nothing. What measures them needs no LTO, which
# takes minutes.
bench: ## what each function costs, into docs/performance.md; BENCH_ROUNDS=2 for a short look, PROFILE=lambda as deployed
	cargo build --profile $(PROFILE) --package bare-function $(addprefix --package ,$(FUNCTIONS))
	cargo build --release --config 'profile.release.lto = "off"' --package ciba-bench
	target/release/ciba-bench --functions target/$(PROFILE) $(if $(BENCH_ROUNDS),--rounds $(BENCH_ROUNDS),--write docs/performance.md)

# SAM passes no profile to cargo-lambda, which sets codegen-units to 1 by itself; LTO makes the rest of the deployed profile.
build: tools arm64 ## the functions for arm64, as they are deployed
	@infra/tools.sh cargo-auditable
	$(SAM_BUILD) CARGO_PROFILE_RELEASE_LTO=fat .tools/bin/sam build
	.tools/bin/python infra/check_build.py .aws-sam/build/*/bootstrap

# Without optimisation, which is most of the time a build takes: what is looked at is the way there.
build-check: tools arm64 ## two functions on the way that `make build` goes
	@infra/tools.sh cargo-auditable
	$(SAM_BUILD) CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 .tools/bin/sam build DiscoveryFunction --build-dir target/build-check/discovery
	$(SAM_BUILD) CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 .tools/bin/sam build KeyRotationFunction --build-dir target/build-check/key-rotation
	.tools/bin/python infra/check_build.py target/build-check/*/*/bootstrap

deploy: build ## to AWS: STACK=name, ARGS='--parameter-overrides OperatorName=Acme' or any other option of `sam deploy`
	.tools/bin/sam deploy --stack-name $(STACK) $(ARGS)
	.tools/bin/sam remote invoke KeyRotationFunction --stack-name $(STACK) --output json > .aws-sam/key-rotation.json
	@! grep FunctionError .aws-sam/key-rotation.json

supply: tools ## licences, sources and known vulnerabilities of the dependencies; fails where the list of these cannot be had, unless ADVISORIES=optional
	@infra/tools.sh cargo-deny
	infra/supply.sh

# The tool writes beside each Cargo.toml; SOURCE_DATE_EPOCH gives the same file for the same commit.
sbom: export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
sbom: tools ## what each binary is made of, as CycloneDX, into target/sbom
	@infra/tools.sh cargo-cyclonedx
	.tools/bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target aarch64-unknown-linux-gnu
	mkdir -p target/sbom
	mv functions/*/*.cdx.json infra/*/*.cdx.json target/sbom/

# What is compiled for AWS needs Rust's standard library for it; a Rust that rustup did not install has to bring it.
arm64:
	@test -d "$$(rustc --print target-libdir --target aarch64-unknown-linux-gnu)" || rustup target add aarch64-unknown-linux-gnu

tools:
	@infra/tools.sh
