# Every recipe line is one command, so that it can be typed by hand just as well.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo up test check lint bins release bench build deploy tools

# One target directory: the tests and the local stack look for binaries there.
export CARGO_TARGET_DIR := $(CURDIR)/target
export SAM_CLI_TELEMETRY := 0

FUNCTIONS := $(notdir $(wildcard functions/*))
LOCAL := --cargo-lambda .tools/bin/cargo-lambda
STACK ?= ciba
PROFILE ?= release

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

demo: tools bins ## the whole flow on this machine; APPROVE=auto needs no hand, SEED=folder names other clients and people
	target/debug/ciba-local demo $(LOCAL) $(if $(SEED),--seed $(SEED)) $(if $(APPROVE),--approve $(APPROVE))

up: tools bins ## the stack of the demo, left running until Ctrl-C
	target/debug/ciba-local up $(LOCAL) $(if $(SEED),--seed $(SEED))

test: check lint bins release ## everything that has to hold
	cargo test --workspace

check: ## format and lints of the code
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

lint: tools ## lints of the template
	.tools/bin/sam validate --lint --region us-east-1
	.tools/bin/cfn-lint template.yaml

# All in one command: built one by one they would get other features, and `cargo lambda watch` would build them again.
bins:
	cargo build --workspace --bins

# A test starts them: what is deployed refuses settings that are fit for one's own machine only.
release:
	cargo build --release $(addprefix --package ,$(FUNCTIONS))

# The functions as `make release` builds them, and beside them one that does nothing. What measures them needs no LTO,
# which takes minutes.
bench: ## what each function costs, into docs/performance.md; BENCH_ROUNDS=2 for a short look, PROFILE=lambda as deployed
	cargo build --profile $(PROFILE) --package bare-function $(addprefix --package ,$(FUNCTIONS))
	cargo build --release --config 'profile.release.lto = "off"' --package ciba-bench
	target/release/ciba-bench --functions target/$(PROFILE) $(if $(BENCH_ROUNDS),--rounds $(BENCH_ROUNDS),--write docs/performance.md)

# SAM passes no profile to cargo-lambda, which sets codegen-units to 1 by itself; this makes the rest of the deployed profile.
build: export CARGO_PROFILE_RELEASE_LTO := fat
build: export PATH := $(CURDIR)/.tools/bin:$(PATH)
build: tools ## the functions for arm64, as they are deployed
	.tools/bin/sam build

deploy: build ## to AWS: STACK=name, ARGS='--parameter-overrides OperatorName=Acme' or any other option of `sam deploy`
	.tools/bin/sam deploy --stack-name $(STACK) $(ARGS)
	.tools/bin/sam remote invoke KeyRotationFunction --stack-name $(STACK) --output json > .aws-sam/key-rotation.json
	@! grep FunctionError .aws-sam/key-rotation.json

tools:
	@infra/tools.sh
