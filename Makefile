# Every recipe line is one command, so that it can also be typed by hand.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up test smoke-moto smoke soak fuzz verify test-browser test-dynamodb-local test-release screenshots lint bins release bench build build-check deploy supply sbom tools arm64

# A single target directory: the tests and the local stack look for binaries there.
export CARGO_TARGET_DIR := $(CURDIR)/target
export SAM_CLI_TELEMETRY := 0

FUNCTIONS := $(notdir $(wildcard functions/*))
LOCAL := --cargo-lambda .tools/bin/cargo-lambda
STACK ?= ciba
DELETION_PROTECTION ?= true
# For infra/release.py.
export ARGS
# Each test has its own browser. `--workspace`, here and elsewhere, because for a single package Cargo would select other
# features and rebuild what `cargo test --workspace` has built.
BROWSER_TESTS := cargo test --workspace --test browser -- --test-threads=2

# `cargo auditable` embeds in each binary the list of the crates it was built from. It runs `$CARGO` with the variables
# that this needs; here that is `env`, which starts SAM as usual, with the tools in the path.
SAM_BUILD := CARGO=env .tools/bin/cargo-auditable auditable -u CARGO PATH="$(CURDIR)/.tools/bin:$(PATH)"
PROFILE ?= release

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-19s %s\n", $$1, $$2 }' Makefile

demo: tools bins ## run the whole flow on this machine; MODE=ping or MODE=push instead of poll, APPROVE=auto without interaction, TLS=1 over TLS, SEED=folder for other clients and people, HOOKS=infra/examples with people whom only a function knows, and another one tells
	target/debug/ciba-local demo $(LOCAL) $(if $(TLS),--tls) $(if $(TLS12),--tls12) $(if $(SEED),--seed $(SEED)) $(if $(HOOKS),--hooks $(HOOKS)) $(if $(APPROVE),--approve $(APPROVE)) $(if $(MODE),--mode $(MODE))

up: tools bins ## run the stack of the demo until Ctrl-C; TLS=1 with TLS and a host for mutual TLS, TLS12=1 to accept TLS 1.2 there as well, HOOKS=infra/examples as for the demo
	target/debug/ciba-local up $(LOCAL) $(if $(TLS),--tls) $(if $(TLS12),--tls12) $(if $(SEED),--seed $(SEED)) $(if $(HOOKS),--hooks $(HOOKS))

# Everything is built before anything runs, so that no suite waits for another one's build lock.
test: lint bins ## run the lints and all tests; REQUIRE_BROWSER=1 fails if there is no Chromium
	cargo test --workspace --no-run
	cargo test --workspace --no-run --test stack --test browser
	.tools/bin/python tests/suites.py $(if $(REQUIRE_BROWSER),--require-browser)
	.tools/bin/python tests/ran.py

smoke-moto: tools bins ## prove that the stack of the template works, on moto's server in place of AWS; takes about a minute
	.tools/bin/python -m unittest discover --buffer --start-directory infra/smoke --pattern 'test_*.py'
	.tools/bin/python infra/smoke --moto

# Region and credentials come from the environment, as for the AWS CLI.
smoke: tools bins ## prove that the stack STACK in AWS works; CLIENT_URL=https://… leads to CLIENT_PORT here, for ping and push
	.tools/bin/python infra/smoke --stack $(STACK) $(if $(CLIENT_URL),--client-url $(CLIENT_URL)) $(if $(CLIENT_PORT),--client-port $(CLIENT_PORT))

# Finds in an hour what minutes do not. Fuzzing takes four minutes for each target here, ten in `make fuzz`, and runs a target
# on each core: on two cores the ten targets take 20 minutes instead of 40.
verify: tools bins ## run what `make test` has no time for: the whole soak, fuzzing, all client programs, the release binaries; takes about 70 minutes
	$(MAKE) soak
	$(MAKE) fuzz SECONDS_EACH=240
	cargo test --workspace --test stack -- clients::
	$(MAKE) test-release

soak: ## run ten thousand flows with injected faults, about half an hour; for example SEED=7 FLOWS=2000
	SOAK_SEED=$(SEED) SOAK_FLOWS=$(FLOWS) cargo test --workspace --test provider -- --ignored --exact soak::as_many_flows_as_are_asked_for_keep_every_promise

fuzz: ## run each fuzz target for ten minutes, one on each core; SECONDS_EACH=60 for less, TARGETS='jwt form' for some of them
	SECONDS_EACH=$(SECONDS_EACH) tests/fuzz/run.sh $(TARGETS)

test-browser: tools bins ## test the pages in headless Chromium with a virtual passkey; part of `make test` if there is Chromium
	@tests/browser.sh $(BROWSER_TESTS)

test-dynamodb-local: ## run the provider's tests on AWS's DynamoDB Local; needs JDK 17 or later, and Maven
	@tests/dynamodb-local/provider.sh

screenshots: tools ## write pictures of the pages to target/screenshots; needs Chromium
	@tests/browser.sh $(BROWSER_TESTS) --ignored --exact screenshots::take

lint: tools ## check formatting, and lint the code and the template
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --workspace --test stack --test browser -- -D warnings
	.tools/bin/sam validate --lint --region us-east-1
	.tools/bin/cfn-lint template.yaml infra/examples/*/template.yaml

# All in one command: built one by one they would get other features, and `cargo lambda watch` would rebuild them.
bins:
	cargo build --workspace --bins

# Without link-time optimisation, which takes a minute per function and changes nothing that a test checks.
release: export CARGO_PROFILE_RELEASE_LTO := off
release:
	cargo build --release $(addprefix --package ,$(FUNCTIONS))

# `make test` checks the same for debug binaries; drift/profiles.rs ensures that the profile makes no difference to it.
test-release: tools bins release ## test that the release binaries refuse settings meant only for a local machine
	TEST_FUNCTIONS=target/release cargo test --workspace --test stack -- release::

# The functions with the whole release profile, and one that does nothing, for comparison. The benchmark itself needs no LTO,
# which takes minutes.
bench: ## measure what each function costs, and write docs/performance.md; BENCH_ROUNDS=2 for a quick run, PROFILE=lambda as deployed
	cargo build --profile $(PROFILE) --package bare-function $(addprefix --package ,$(FUNCTIONS))
	cargo build --release --config 'profile.release.lto = "off"' --package ciba-bench
	target/release/ciba-bench --functions target/$(PROFILE) $(if $(BENCH_ROUNDS),--rounds $(BENCH_ROUNDS),--write docs/performance.md)

# SAM passes no profile to cargo-lambda, which sets codegen-units to 1 by itself; LTO is the rest of the deployed profile.
build: tools arm64 ## build the functions for arm64, as they are deployed
	@infra/tools.sh cargo-auditable
	$(SAM_BUILD) CARGO_PROFILE_RELEASE_LTO=fat .tools/bin/sam build
	.tools/bin/python infra/check_build.py .aws-sam/build/*/bootstrap

# Without optimisation, which takes most of the time of a build: this checks the build process.
build-check: tools arm64 ## build two functions in the way of `make build`, without optimisation
	@infra/tools.sh cargo-auditable
	$(SAM_BUILD) CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 .tools/bin/sam build DiscoveryFunction --build-dir target/build-check/discovery
	$(SAM_BUILD) CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 .tools/bin/sam build KeyRotationFunction --build-dir target/build-check/key-rotation
	.tools/bin/python infra/check_build.py target/build-check/*/*/bootstrap

# In two steps; parameters that are not named keep their values. The first changes everything but the functions' versions:
# those of before answer, with their roles as they are now. Then the keys, and what belongs to them, are completed. The
# second step publishes new versions, and protects the table: a first deployment that fails could not delete a protected
# one. ARGS is for the first alone, so what all commands have to know comes from the environment.
deploy: build ## deploy to AWS; STACK=name, ARGS='--parameter-overrides OperatorName=Acme' or any other option of `sam deploy`
	$(if $(filter --region% --profile% --stack-name%,$(ARGS)),$(error set AWS_REGION and AWS_PROFILE in the environment and STACK=name instead of passing them in ARGS))
	.tools/bin/sam deploy --stack-name $(STACK) $(ARGS)
	.tools/bin/python infra/release.py template.yaml samconfig.toml .aws-sam/build/*/bootstrap > .aws-sam/release
	.tools/bin/sam remote invoke KeyRotationFunction --stack-name $(STACK) --output json > .aws-sam/key-rotation.json
	@! grep FunctionError .aws-sam/key-rotation.json
	.tools/bin/sam deploy --stack-name $(STACK) --parameter-overrides DeletionProtection=$(DELETION_PROTECTION) Release=$$(cat .aws-sam/release)
	.tools/bin/sam remote invoke KeyRotationFunction --stack-name $(STACK) --output json > .aws-sam/key-rotation.json
	@! grep FunctionError .aws-sam/key-rotation.json

supply: tools ## check licences, sources and known vulnerabilities of the dependencies; fails if the advisories cannot be fetched, unless ADVISORIES=optional
	@infra/tools.sh cargo-deny
	infra/supply.sh

# The tool writes next to each Cargo.toml; SOURCE_DATE_EPOCH makes the files reproducible for a commit.
sbom: export SOURCE_DATE_EPOCH ?= $(or $(shell git log -1 --format=%ct 2>/dev/null),0)
sbom: tools ## write the components of each binary, as CycloneDX, to target/sbom
	@infra/tools.sh cargo-cyclonedx
	.tools/bin/cargo-cyclonedx cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target aarch64-unknown-linux-gnu
	mkdir -p target/sbom
	mv functions/*/*.cdx.json infra/*/*.cdx.json target/sbom/

# Compiling for AWS needs Rust's standard library for arm64; a Rust that was not installed by rustup has to include it.
arm64:
	@test -d "$$(rustc --print target-libdir --target aarch64-unknown-linux-gnu)" || rustup target add aarch64-unknown-linux-gnu

tools:
	@infra/tools.sh
