#!/usr/bin/env bash
# Has a server of this checkout take the tokens of a real identity provider on this machine:
# oidc-provider, which is certified for OpenID Connect. Machines come with client credentials,
# people by authorization code with PKCE; keys rotate. Not part of `make test`: it downloads
# oidc-provider from npm. PORT is where the server listens (9192), PROVIDER_PORT the provider (9193).
set -eu
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
url=http://127.0.0.1:${PORT:-9192}
issuer=http://127.0.0.1:${PROVIDER_PORT:-9193}

for tool in node npm; do
  command -v "$tool" >/dev/null || {
    echo "skipped: $tool is not there; install nodejs and npm (version 20 or newer)"; exit 0; }
done
tools=$target/oidc-provider
lock=tests/oidc/package-lock.json
if ! cmp -s "$lock" "$tools/installed"; then
  mkdir -p "$tools"
  cp tests/oidc/package.json "$lock" "$tools"
  # What is in the lock and nothing else, and none of its scripts is run.
  npm ci --prefix "$tools" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp "$lock" "$tools/installed"
fi
"$cargo" build --locked --package server

scratch=$(mktemp -d "$target/oidc.XXXXXX")
cat >"$scratch/comity.toml" <<END
[[issuers]]
name = "staff"
issuer = "$issuer"
audiences = ["comity"]
roles_claim = "scope"
roles = { read = "reader", write = "writer", administer = "admin" }
admin_acr = ["phr"]
admin_amr = ["hwk"]
allow_private = true
keys_retry = "100ms"
END
"$target/debug/comity" serve --data "$scratch/data" --listen "${url#http://}" \
  --config "$scratch/comity.toml" >"$scratch/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 100); do
  kill -0 "$server" 2>/dev/null || { cat "$scratch/log"; exit 1; }
  grep -q '^Ready' "$scratch/log" && break
  sleep 0.1
done

# Modules are found beside the script that asks for them.
cp tests/oidc/flows.mjs "$tools/flows.mjs"
node "$tools/flows.mjs" "$url" "$issuer" || { cat "$scratch/log"; exit 1; }
