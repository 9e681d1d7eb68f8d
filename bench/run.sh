#!/usr/bin/env bash
# Measures the server of this checkout; bench/README.md says how to read the table.
# BENCH_LARGE=1 adds a million entities, BENCH_ENGINE=1 the history engine without a server;
# arguments, or BENCH_ARGS, go to `bench run` (see --help).
set -eu
cd "$(dirname "$0")/.."

cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-target}
"$cargo" build --release --locked --package server --package bench

# Beside the build, not in /tmp: that may be memory, and memory needs no sync.
scratch=$(mktemp -d "$target/bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

large=
if [ "${BENCH_LARGE:-0}" != 0 ]; then large=--large; fi

# Words of BENCH_ARGS are arguments of their own, as in BENCH_ARGS="--n 5000 --json".
# shellcheck disable=SC2086
"$target/release/bench" run --server "$target/release/comity" --directory "$scratch" \
  $large ${BENCH_ARGS:-} "$@"

if [ "${BENCH_ENGINE:-0}" != 0 ]; then
  "$cargo" bench --locked --package store-embedded --bench history
fi
