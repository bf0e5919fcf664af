# Everything a person or a machine does with this repository. `make` alone prints the list.
#
# Needed before anything here: Go and a C compiler (DuckDB's library is C++, linked statically).
# Servers for the tests come from scripts/testdb, linters from tools/lint's own module.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)

# More flags for go test or for the bench: make test ARGS='-v -run TestPublish'.
ARGS ?=
# The packages to test: make test PKG=./warehouse/...
PKG ?= ./...

LINT := go tool -modfile=tools/lint/go.mod

.PHONY: help
help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: needs
needs:
	@command -v go >/dev/null || { echo 'Go is missing. Try: install it from https://go.dev/dl, at least the version in go.mod.' >&2; exit 1; }
	@command -v "$$(go env CC)" >/dev/null || { echo "The C compiler $$(go env CC) is missing. Try: apt-get install build-essential, or xcode-select --install." >&2; exit 1; }

# Without npm the program still builds; its address then says that the pages are missing.
.PHONY: web
web: ## Build the pages from web/ into dashboard/dist
	@if command -v npm >/dev/null; then $(MAKE) dashboard/dist/index.html; \
	else echo 'npm is missing: the program is built without its pages. Try: install Node 20 or newer.' >&2; fi

WEB := $(shell find web docs/openapi.json -type f -not -path '*/node_modules/*' -not -path 'web/test/*' -not -name drift.ts 2>/dev/null)

dashboard/dist/index.html: $(WEB) web/node_modules/.package-lock.json
	cd web && npm run --silent build

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund && touch node_modules/.package-lock.json

.PHONY: build
build: needs web ## Build bin/lifeline
	go build -ldflags '$(LDFLAGS)' -o bin/lifeline ./cmd/lifeline

.PHONY: demo
demo: build ## Sample data into DuckDB, with a report; needs no server
	bin/lifeline demo

# The pages' own tests alone; those in a browser need Chromium (LIFELINE_CHROMIUM, or chromium on the path).
.PHONY: test-web
test-web: needs-web build ## Test the pages: addresses, formats, and a browser on sample data
	cd web && npm test
	scripts/pages test

.PHONY: needs-web
needs-web:
	@command -v npm >/dev/null || { echo 'npm is missing. Try: install Node 20 or newer.' >&2; exit 1; }
	@command -v "$${LIFELINE_CHROMIUM:-chromium}" >/dev/null || { echo 'Chromium is missing. Try: apt-get install chromium, or set LIFELINE_CHROMIUM.' >&2; exit 1; }

.PHONY: screenshots
screenshots: needs-web build ## Draw every page of the sample into docs/screenshots
	scripts/pages screenshots

.PHONY: test
test: needs ## Run all tests: Go on a MariaDB and a PostgreSQL of their own, pages in a browser
	PKG='$(filter-out ./...,$(PKG))' scripts/test $(ARGS)

# What takes a server or a whole run is left to `make test`.
.PHONY: check
check: needs lint-format lint-vet lint-modules lint-budgets ## Check format, vet, budgets and the quick tests; no server needed
	GOGC=$${GOGC:-400} SLURM_CPUS_ON_NODE=$${SLURM_CPUS_ON_NODE:-1} go test -short -vet=off -ldflags=-w -p 2 $(ARGS) $(PKG)

# The database is at vuln.go.dev; SECURITY.md has what was looked up by hand where it cannot be reached.
.PHONY: audit
audit: needs ## Ask Go's vulnerability database about every module
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./... || { code=$$?; [ $$code = 3 ] && exit 3; \
		echo 'The database was not asked. Try: on a machine that reaches vuln.go.dev, or GOVULNDB with a mirror; SECURITY.md has the last look by hand.' >&2; exit $$code; }

# What differs between servers: snapshots, types, keys, who waits for whom.
.PHONY: matrix
matrix: needs ## Test the source, and the brief's tables, on MySQL 5.6 and 9, MariaDB 11.8 and PostgreSQL 17 and 18 too
	LIFELINE_TEST_REQUIRE=1 scripts/testdb run --matrix go test -p 1 -count 1 -timeout 30m $(ARGS) ./source/... ./cdc/...
	LIFELINE_SOAK=1 LIFELINE_TEST_REQUIRE=1 scripts/testdb run --matrix go test -p 1 -count 1 -timeout 60m -v -run TestTheBriefsDatabaseFromEveryServer ./cmd/lifeline

# Real dbt comes by pip into ~/.cache/lifeline-dbt, or is what LIFELINE_DBT names; public projects from GitHub, or LIFELINE_DBT_PROJECTS.
.PHONY: interop
interop: needs ## Build the exported examples and public projects with real dbt too, and compare every row (long)
	LIFELINE_SOAK=1 LIFELINE_TEST_REQUIRE=1 LIFELINE_DBT=$$(scripts/dbt) LIFELINE_DBT_PROJECTS=$$(scripts/dbt-projects) \
		LIFELINE_DUCKDB_CLIENTS=$$(scripts/duckdb-clients) scripts/testdb run \
		go test -p 1 -count 1 -timeout 60m -v -run 'Dbt|Export|Artifacts|PublicProjects|Clients' $(ARGS) ./cmd/lifeline ./dbt

# A coordinator and two workers where Citus is installed beside PostgreSQL; docs/scaling.md says how to build it.
.PHONY: test-citus
test-citus: needs ## Test the warehouse on a Citus cluster
	LIFELINE_TESTDB_MATRIX=citus LIFELINE_TEST_REQUIRE=1 LIFELINE_TEST_REQUIRE_CITUS=1 scripts/testdb run \
		bash -c 'go test -p 1 -count 1 -timeout 30m -run /citus $(ARGS) ./warehouse && go test -count 1 -timeout 30m -run Citus $(ARGS) ./warehouse ./cmd/lifeline'

.PHONY: soak
soak: needs ## Run the kill, reader and matrix tests at full size (long)
	packages=$$(grep -rl --include='*_test.go' LIFELINE_SOAK . | xargs -r -n 1 dirname | sort -u); \
	[ -n "$$packages" ] || { echo 'no test reads LIFELINE_SOAK' >&2; exit 1; }; \
	LIFELINE_SOAK=1 LIFELINE_TEST_REQUIRE=1 scripts/testdb run go test -p 1 -count 1 -timeout 4h -v $(ARGS) $$packages

.PHONY: bench
bench: needs ## Measure landing, building, pages and lifecycles (long)
	scripts/testdb run go run ./tools/bench $(ARGS)

# The version of a release is the newest one in the changelog.
RELEASE := $(shell sed -n 's/^\#\# \[\?\([0-9][0-9.]*[^] ]*\).*/\1/p' CHANGELOG.md | head -1)

.PHONY: release
release: needs web ## Make archives, Debian packages, SBOM and checksums in dist/ (signed with LIFELINE_SIGNING_KEY)
	go build -C tools/release -o $(CURDIR)/bin/release .
	bin/release -version '$(RELEASE)' -out dist $(ARGS)

.PHONY: test-package
test-package: ## Type docs/install.md into a bare Debian, with the packages in dist/ (root, debootstrap)
	scripts/test-package dist/lifeline_$(RELEASE)_amd64.deb $(ARGS)

.PHONY: lint
lint: lint-format lint-modules lint-vet lint-analyzers lint-static lint-budgets lint-scripts ## Check format, vet, analyzers, budgets

# One format, so that no diff is about blanks.
.PHONY: lint-format
lint-format: needs
	@files=$$($(LINT) gofumpt -l .); [ -z "$$files" ] || { printf 'not formatted:\n%s\nTry: make fmt\n' "$$files" >&2; exit 1; }

# A dependency that nothing imports, or one that is not written down.
.PHONY: lint-modules
lint-modules: needs
	go mod tidy -diff
	go -C tools/release mod tidy -diff
	go -C tools/release vet .

# vet finds calls that compile and cannot be meant.
.PHONY: lint-vet
lint-vet: needs
	go vet $(PKG)

# Errors unseen, rows unclosed, queries that cannot be stopped: each analyzer has its reason in
# tools/lint/main.go. As vet's, their results stay in Go's build cache.
.PHONY: lint-analyzers
lint-analyzers: needs
	go build -C tools/lint -o $(CURDIR)/bin/lint .
	go vet -vettool=$(CURDIR)/bin/lint $(PKG)

# staticcheck knows the standard library's traps, and finds code that nothing uses.
.PHONY: lint-static
lint-static: needs
	$(LINT) staticcheck $(PKG)

# Sizes, import directions and the project's own rules: the budgets of CONTRIBUTING.md.
.PHONY: lint-budgets
lint-budgets: needs
	go run ./tools/budgets

# A script with a syntax error fails only when its line is reached.
.PHONY: lint-scripts
lint-scripts:
	@for f in scripts/test scripts/testdb scripts/dbt scripts/dbt-projects scripts/duckdb-clients scripts/matrix.sh scripts/citus.sh scripts/pages scripts/test-package scripts/compose/*.sh packaging/deb/p*st* packaging/deb/prerm .ci/run; do bash -n "$$f"; done

.PHONY: fmt
fmt: needs ## Format all Go files
	$(LINT) gofumpt -l -w .

.PHONY: clean
clean: ## Remove what was built and what the demo wrote
	rm -rf bin dist dashboard/dist web/node_modules .cache lifeline-demo bench.json

# Passwords are made once, on the first `make up`, and never committed.
.env: .env.example
	@umask 077; [ -s .env ] && fresh= || fresh=1; touch .env; while IFS= read -r line; do \
		case $$line in [A-Z]*=*) ! grep -q "^$${line%%=*}=" .env || continue ;; *) [ "$$fresh" ] || continue ;; esac; \
		case $$line in *_PASSWORD=) line=$$line$$(od -An -N18 -tx1 /dev/urandom | tr -d ' \n') ;; esac; \
		printf '%s\n' "$$line" >>.env; done <.env.example; echo 'wrote .env with new passwords'

.PHONY: up
up: .env ## Start MySQL with sample data, PostgreSQL and Lifeline, and print the dashboard's address (Docker)
	VERSION=$(VERSION) scripts/compose/up.sh postgres lifeline

.PHONY: up-duckdb
up-duckdb: .env ## The same with a DuckDB file in place of PostgreSQL (Docker)
	VERSION=$(VERSION) scripts/compose/up.sh duckdb lifeline-duckdb

.PHONY: down
down: .env ## Stop them; the data stays
	docker compose --profile '*' down

.PHONY: boom
boom: .env ## Stop them and remove their data and images
	docker compose --profile '*' down --volumes --rmi all --remove-orphans
