#!/usr/bin/env bash
# Asks a server of this checkout thousands of odd questions, made by schemathesis from
# crates/server/openapi.json: no answer may be a 5xx, or one that the document does not declare.
# SECONDS_MAX bounds the time (120); PORT is where the server listens (9191); arguments go to
# `schemathesis run`. Not part of `make test`: it downloads schemathesis from PyPI.
set -eu
cd "$(dirname "$0")/.."

version=4.32.5
cargo=${CARGO:-cargo}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
seconds_max=${SECONDS_MAX:-120}
url=http://127.0.0.1:${PORT:-9191}

command -v python3 >/dev/null || { echo "python3 is needed"; exit 1; }
venv=$target/schemathesis
if ! "$venv/bin/schemathesis" --version 2>/dev/null | grep -q "$version"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet "schemathesis==$version"
fi
"$cargo" build --release --locked --package server

scratch=$(mktemp -d "$target/schemathesis.XXXXXX")
"$target/release/comity" serve --open --data "$scratch/data" --listen "${url#http://}" \
  >"$scratch/log" 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$scratch"' EXIT
for _ in $(seq 50); do
  kill -0 "$server" 2>/dev/null || { cat "$scratch/log"; exit 1; }
  grep -q '^Ready' "$scratch/log" && break
  sleep 0.1
done

# One entity, in one tenant, so that questions get beyond 404.
cat >"$scratch/schemathesis.toml" <<'END'
[parameters]
"header.NGSILD-Tenant" = "asked"
"path.entityId" = "urn:ngsi-ld:Streetlight:1"
"path.attrId" = "brightness"
END
python3 - "$url" <<'END'
import sys, urllib.request
urllib.request.urlopen(urllib.request.Request(
    sys.argv[1] + "/ngsi-ld/v1/entities",
    b'{"id":"urn:ngsi-ld:Streetlight:1","type":"Streetlight","brightness":80,'
    b'"location":{"type":"Point","coordinates":[8.7,49.4]}}',
    {"Content-Type": "application/json", "NGSILD-Tenant": "asked"},
))
END

# What it finds acceptable or not is left out: a document cannot say all that a server must refuse.
# One worker: with more, Python 3.11 stumbles over itself.
checks=not_a_server_error,status_code_conformance,content_type_conformance
checks=$checks,response_headers_conformance,response_schema_conformance
checks=$checks,unsupported_method,allow_header_conformance
# What it keeps for itself stays out of the checkout.
cd "$scratch"
timeout "$((seconds_max + 60))" "$venv/bin/schemathesis" \
  --config-file "$scratch/schemathesis.toml" run "$url/openapi.json" --no-color \
  --checks "$checks" --max-time "$seconds_max" --max-examples 15 --workers 1 \
  --request-timeout 10 --continue-on-failure --generation-database none "$@"
kill -0 "$server" || { echo "the server is gone"; cat "$scratch/log"; exit 1; }
