# What people and the CI run. Each target installs what it needs, where it is
# missing; `make` alone prints the list.

# How long each fuzz target runs, and what bench is told:
#   make fuzz FUZZTIME=5m
#   make bench BENCH='-rounds 60'
#   make scale SESSIONS=100000
#   make soak SOAK=1h
FUZZTIME ?= 20s
BENCH    ?=
SESSIONS ?= 1000000
SOAK     ?= 7m

# The daemon's module, and three whose dependencies it must not have.
MODULES := . demo e2e e2e/provider

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## compile the daemon to bin/outpost
	CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o bin/outpost ./cmd/outpost

.PHONY: demo
demo: ## bring up a provider, the outpost, nginx and two applications on *.localhost, until Ctrl-C
	@demo/run.sh

.PHONY: gofmt
gofmt:
	@test -z "$$(gofmt -l .)" || { gofmt -d .; exit 1; }

# -race needs a C compiler. The stories start programs, and Go's test cache
# does not see it when those change: -count=1.
.PHONY: test
test: gofmt ## run every test: units with the race detector, then the stories with real nginx, providers and browser
	.ci/install gcc libc6-dev redis-server
	e2e/install.sh
	go vet ./...
	go test -race -p 4 ./...
	go -C demo test -count=1 ./...
	@$(MAKE) --no-print-directory -j2 --output-sync stories other-stories
	go -C e2e test -count=1 ./deploy
	@[ -d ../shared/swag ] || echo "not tested: SWAG's own confs, which are not at ../shared/swag"
	@[ -e ../shared/data/openredirects.txt ] || echo "not tested: others' return URLs, which are not at ../shared/data/openredirects.txt"

# Two halves side by side, each in namespaces of its own: they wait, mostly. What is
# not of the first is of the other, whatever its name.
.PHONY: stories other-stories
stories:
	go -C e2e test -count=1 -timeout 20m -run '^Test[A-N]' .
other-stories:
	go -C e2e test -count=1 -timeout 20m -skip '^Test[A-N]' .

.PHONY: lint
lint: gofmt ## check format, go vet, staticcheck, the modules' sums, and that go.mod is tidy
	@for module in $(MODULES); do \
		echo "linting $$module"; \
		go -C $$module vet ./...; \
		(cd $$module && go run $(STATICCHECK) ./...); \
		go -C $$module mod verify; \
		go -C $$module mod tidy -diff; \
	done

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (20s) each
	@go test -list '^Fuzz' ./... | \
	awk '/^Fuzz/ { targets[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, targets[i]; n = 0 }' | \
	while read -r package target; do \
		echo "fuzzing $$package $$target"; \
		go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; \
	done

.PHONY: bench
bench: ## measure the check: directly, through nginx, while a provider hangs; and memory, size, start
	.ci/install nginx-light wrk
	go run ./bench $(BENCH)

.PHONY: scale
scale: ## fill a store with SESSIONS (1000000), measure start, check and sweep with it, and 10,000 applications
	go run ./bench scale -sessions $(SESSIONS)
	go test -run '^$$' -bench '^BenchmarkCheckAmongApplications$$' -benchmem ./auth
	go test -run '^$$' -bench '^BenchmarkLoad$$' -benchtime 3x -benchmem ./config
	go test -run '^$$' -bench '^BenchmarkCachedSession$$' -benchtime 1x ./session
	go test -run '^TestCheckFloodLeavesNothing$$' -count=1 -v ./auth

.PHONY: soak
soak: ## run the daemon for SOAK (7m) with browsers coming and going, and see that nothing grows and no answer is wrong; then a thousand times kill -9
	go run ./bench soak -duration $(SOAK)
	OUTPOST_TEST_SOAK=1 go test -run '^TestKilled' -count=1 -v ./session/file

.PHONY: image
image: ## build the container image and run it: with Docker, or with Podman where no engine answers
	.ci/image
