# What a fresh machine needs besides git, make, a C toolchain and Python 3.11 is installed into this
# checkout: .tools (uv, emulators, CDK command line) and .venv.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON311 ?= $(shell command -v python3.11 || command -v python3)
UV_VERSION := 0.13.9
DYNOXIDE_VERSION := 1.2.1
MINISTACK_VERSION := 1.5.33
AWS_CDK_VERSION := 2.1148.1
SAM_CLI_VERSION := 1.170.0

UV := .tools/uv/bin/uv
PY := .venv/bin/python
STAGE ?= dev

TOOLS := .tools/uv/.$(UV_VERSION) .venv/.synced .tools/.ministack-$(MINISTACK_VERSION) .tools/.node-$(DYNOXIDE_VERSION)-$(AWS_CDK_VERSION) .tools/.rie-$(SAM_CLI_VERSION)
LOCAL_ASSEMBLY := cdk.out.local/manifest.json

export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tools/uv/bin:$(CURDIR)/.tools/node_modules/.bin:$(PATH)
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION := 1
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv
export UV_TOOL_DIR := $(CURDIR)/.tools/environments
export UV_TOOL_BIN_DIR := $(CURDIR)/.tools/bin

.PHONY: help
help: ## Show what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: up
up: setup ## Start the whole platform on this machine
	@exec $(PY) -m functions up

# --- preparing -----------------------------------------------------------------------------------

.PHONY: setup
setup: $(TOOLS) $(LOCAL_ASSEMBLY) ## Install every tool and package into the checkout

.tools/uv/.$(UV_VERSION):
	@"$(PYTHON311)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Python 3.11 is needed, and $(PYTHON311) is another: make PYTHON311=/path/to/python3.11"; exit 1; }
	@echo "→ uv $(UV_VERSION)"
	@"$(PYTHON311)" -m venv --clear .tools/uv
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/.synced: pyproject.toml uv.lock layers/core/pyproject.toml layers/http/pyproject.toml layers/static/pyproject.toml .tools/uv/.$(UV_VERSION)
	@echo "→ Python packages into .venv"
	@$(UV) sync --locked --quiet --python "$(PYTHON311)"
	@touch $@

.tools/.ministack-$(MINISTACK_VERSION): .tools/uv/.$(UV_VERSION)
	@echo "→ ministack $(MINISTACK_VERSION): queues, buckets, CloudFormation"
	@$(UV) tool install --quiet --force --python "$(PYTHON311)" --with cryptography ministack==$(MINISTACK_VERSION)
	@touch $@

.tools/.node-$(DYNOXIDE_VERSION)-$(AWS_CDK_VERSION): .venv/.synced
	@echo "→ dynoxide $(DYNOXIDE_VERSION): DynamoDB; CDK command line $(AWS_CDK_VERSION)"
	@npm install --silent --no-audit --no-fund --no-save --prefix .tools aws-cdk@$(AWS_CDK_VERSION) \
		"@dynoxide/$$($(PY) -c 'from functions._runner.platform import dynoxide_package as p; print(p())')@$(DYNOXIDE_VERSION)"
	@touch $@

.tools/.rie-$(SAM_CLI_VERSION): .tools/uv/.$(UV_VERSION)
	@echo "→ Lambda's Runtime Interface Emulator, from aws-sam-cli $(SAM_CLI_VERSION)"
	@rm -rf .tools/rie
	@.tools/uv/bin/pip install --quiet --disable-pip-version-check --no-deps --target .tools/rie aws-sam-cli==$(SAM_CLI_VERSION)
	@touch $@

# The templates of the local stage; their assets stay in the source tree.
$(LOCAL_ASSEMBLY): .venv/.synced cdk.json $(shell find infra_cdk -name '*.py')
	@echo "→ templates of the local stage"
	@rm -rf cdk.out.local
	@CDK_VALIDATION=false $(PY) -m infra_cdk.app -c stage=local --no-bundling -o cdk.out.local
	@touch $@

# --- checking ------------------------------------------------------------------------------------

.PHONY: check
check: setup ## All static checks
	@$(PY) -m ruff format --check --quiet . || { echo "run: make format"; exit 1; }
	@$(PY) -m ruff check --quiet .
	@$(PY) -m mypy . --no-error-summary
	@.venv/bin/lint-imports --no-cache > .tools/lint-imports.log || { cat .tools/lint-imports.log; exit 1; }
	@$(UV) lock --check --quiet
	@echo "static checks passed"

.PHONY: format
format: .venv/.synced ## Format, and fix what can be fixed
	@$(PY) -m ruff check --quiet --fix . || true
	@$(PY) -m ruff format --quiet .

.PHONY: test
test: check ## Static checks and every test
	@$(PY) -m pytest

.tools/train/.synced: pyproject.toml uv.lock .tools/uv/.$(UV_VERSION)
	@echo "→ PyTorch and what training needs into .tools/train"
	@"$(PYTHON311)" -m venv --clear .tools/train
	@.tools/train/bin/pip install --quiet --disable-pip-version-check "$$(grep -o 'torch==[0-9.]*' pyproject.toml)"
	@$(UV) pip install --quiet --python .tools/train/bin/python --group dev --group train \
		-e layers/core -e layers/http -e layers/static
	@touch $@

.PHONY: test-training
test-training: .tools/train/.synced ## The models' tests with PyTorch, which `make test` does without
	@HF_HUB_OFFLINE=1 .tools/train/bin/python -m pytest tests/unit/models

.PHONY: openapi
openapi: .venv/.synced ## Merge the functions' API documents
	@$(PY) -m functions openapi

# --- measuring: on a machine that has nothing else to do; ARGS=--help shows the options -----------

.PHONY: bench-serving
bench-serving: .venv/.synced .tools/uv/.$(UV_VERSION) ## The model server beside the raw encoder and other servers
	@$(PY) -m tests.performance.serving $(ARGS)

.PHONY: bench-first-answer
bench-first-answer: serving-bundle ## From process start to the first answer, and the bundle's size
	@$(PY) -m tests.performance.first_answer $(ARGS)

.PHONY: bench-tiers
bench-tiers: .venv/.synced ## What a text costs in each tier
	@$(PY) -m tests.performance.tiers $(ARGS)

.PHONY: bench-api
bench-api: setup ## What a request costs on its way, beside the usual stack
	@$(PY) -m tests.performance.api $(ARGS)

.PHONY: index-report
index-report: setup ## What each access pattern and index costs, in capacity units
	@$(PY) -m tests.performance.index_report $(ARGS)

# --- deploying -----------------------------------------------------------------------------------

.PHONY: synth
synth: $(TOOLS) ## Synthesise dev and prod into cdk.out: bundles, validation, security rules
	@rm -rf cdk.out
	@$(PY) -m infra_cdk.app -c stage=dev,prod -o cdk.out
	@.venv/bin/cfn-lint 'cdk.out/*.template.json'
	@echo "templates in cdk.out are ready"

.PHONY: deploy
deploy: $(TOOLS) ## Deploy STAGE (default dev): JWKS_URL, TOKEN_ISSUER and TOKEN_AUDIENCE name your issuer
	@for name in JWKS_URL TOKEN_ISSUER TOKEN_AUDIENCE; do \
		[ -n "$${!name:-}" ] || { echo "set $$name: make deploy STAGE=$(STAGE) $$name=…"; exit 1; }; done
	@cdk deploy --all -c stage=$(STAGE) -c jwks_url='$(JWKS_URL)' -c token_issuer='$(TOKEN_ISSUER)' -c token_audience='$(TOKEN_AUDIENCE)' \
		$(if $(DOMAIN),--parameters customerai-$(STAGE)-edge:Domain='$(DOMAIN)' --parameters customerai-$(STAGE)-edge:CertificateArn='$(CERTIFICATE_ARN)')

.PHONY: serving-bundle
serving-bundle: $(TOOLS) ## The model server with `full` and all it needs in .build/serving
	@rm -rf .build/serving
	@$(PY) -m models.serving bundle .build/serving

.PHONY: clean
clean: ## Remove build output and caches; the local platform's data in .local stays
	@rm -rf cdk.out* .build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
