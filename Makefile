# The verbs of this project. Meson and Ninja do the work; `make help` says what there is.
BUILD ?= build
SETUP = ./scripts/setup

.DEFAULT_GOAL := help
.PHONY: help setup build demo test e2e e2e-node san tsan tidy bench bench-failover bench-planned soak sim chaos clean

help:   ## this list
	@grep -hE '^[a-z0-9-]+: .*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

setup:  ## install every package that is missing (apt; as root or through sudo)
	@$(SETUP) build test

build:  ## compile everything into build/ (BUILD=DIR for another)
	@$(SETUP) build
	@./scripts/build $(BUILD)

demo: build ## a local cluster, the controller, both gateways and the status page; Ctrl-C stops it
	@$(BUILD)/sandbox demo

test: setup ## all tests that need no server from outside (MEMGRAPH=PATH: with that server, as root)
	@./scripts/build $(BUILD)
	@./scripts/test $(BUILD)

e2e: setup ## the chart; a real Kubernetes control plane; a real node where root may make one (15 min; 5 to 20 more the first time)
	@./scripts/build $(BUILD)
	@./tests/e2e/all $(BUILD)

e2e-node: setup ## the chart on a real node alone: containerd, kubelet (10 min; as root): RUNS=N, NAME=pattern
	@./scripts/build $(BUILD)
	@./tests/e2e/run-node $(BUILD)

san: setup ## all tests again under the address and undefined-behaviour sanitizers
	@./scripts/build build-san -Db_sanitize=address,undefined -Db_lundef=false
	@./scripts/test build-san

tsan: setup ## the threaded parts under the thread sanitizer
	@./scripts/build build-tsan -Db_sanitize=thread -Db_lundef=false
	@./scripts/test build-tsan gateway

tidy: setup ## formatting, clang-tidy, our own lint, and a build with clang
	@./scripts/tidy

bench: build ## the gateway beside HAProxy, nginx and a relay in Go: a table (30 min; bench/README.md)
	@./bench/gateway

bench-failover: build ## time from the death of the main to the next acknowledged write, 50 runs
	@./bench/failover

bench-planned: build ## switchovers, refreshes, rolling restarts, a frozen main: gaps and cuts
	@./bench/planned

soak: build ## the gateway for ten minutes under mixed traffic and changing routes: DURATION_S, SESSIONS, SEED
	@./bench/soak

sim: build ## random runs of the whole program on a virtual world: SEEDS=N, ARGS for sim --help
	@$(BUILD)/sim/sim --seeds $(or $(SEEDS),1000) $(ARGS)

chaos: build ## random faults under writes, then healing: DURATION_S=60 MODE=auto|sync SEED=n
	@./bench/chaos

clean:  ## remove what was built
	rm -rf build build-*
