# make run     build, import the sample city, serve it on 127.0.0.1:9090
# make test    formatting, lints, documentation, every test
# make bench   CPU per request, beside the machine's own ceiling
# make audit   licences and duplicate versions of what we depend on
# make suite   the ETSI conformance suite (SUITE_SRC names a checkout of it)
# make oidc    sign-in with a real identity provider (node and npm)

CARGO ?= cargo
export CARGO_TERM_COLOR ?= auto

.PHONY: run test lint bench audit suite oidc docs tools

run:
	$(CARGO) run --release --locked --package server --bin comity -- demo

test: tools lint
	$(CARGO) test --workspace --all-features --locked
	@echo "make test: all passed"

lint: tools
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --all-features --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

tools:
	@command -v $(CARGO) >/dev/null || { \
	  echo "cargo is needed: install Rust $$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer, see https://rustup.rs"; exit 1; }
	@command -v cc >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get -q update && apt-get install -y -q build-essential; \
	  else echo "a C linker is needed: install build-essential or your system's like"; exit 1; fi; }
	@PATH="$$PATH:/usr/sbin"; command -v mosquitto >/dev/null && command -v mosquitto_sub >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends mosquitto mosquitto-clients; \
	  else echo "mosquitto and its clients are needed by a test of notifications: install mosquitto and mosquitto-clients"; exit 1; fi; }
	@command -v openssl >/dev/null && command -v curl >/dev/null || { \
	  if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends openssl curl; \
	  else echo "openssl and curl are needed by tests of TLS: install openssl and curl"; exit 1; fi; }
	@$(CARGO) fmt --version >/dev/null 2>&1 || rustup component add rustfmt
	@$(CARGO) clippy --version >/dev/null 2>&1 || rustup component add clippy

bench:
	bench/run.sh

audit:
	@$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check licenses bans sources

suite:
	tests/suite.sh

oidc:
	tests/oidc.sh

docs:
	$(CARGO) run --quiet --package server --bin comity -- config --markdown > docs/configuration.md
	$(CARGO) run --quiet --package server --bin comity -- audit schema > docs/audit.schema.json
