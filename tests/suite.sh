#!/usr/bin/env bash
# Runs the folders of the NGSI-LD conformance suite that concern what Comity serves, and compares
# what fails with tests/suite-exceptions.txt: any other failure, and any exception that passes, is an error.
#
#   SUITE_SRC=DIR SUITE_RUNNER=FILE tests/suite.sh
#     SUITE_SRC     a checkout of the suite (Robot Framework)
#     SUITE_RUNNER  a script that takes the broker's URL and suite paths, and writes cases.json to $OUT
set -eu
cd "$(dirname "$0")/.."
: "${SUITE_SRC:?set SUITE_SRC to a checkout of the NGSI-LD test suite}"
: "${SUITE_RUNNER:?set SUITE_RUNNER to the script that runs it}"
PORT=${PORT:-9393}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
OUT=$target/suite
rm -rf "$OUT" && mkdir -p "$OUT"
cargo build --release --locked --package server
DATA=$(mktemp -d)
SERVER=
trap 'kill $SERVER 2>/dev/null || true; wait $SERVER 2>/dev/null || true; rm -rf "$DATA"' EXIT

# Runs folders against a server without data: cases count what they find, and history stays when
# other cases have deleted their entities.
run() {
  name=$1; shift
  "$target/release/comity" serve --open --data "$DATA/$name" --listen "127.0.0.1:$PORT" >> "$OUT/server.log" 2>&1 &
  SERVER=$!
  for _ in $(seq 50); do curl -sf -o /dev/null "http://127.0.0.1:$PORT/health" && break; sleep 0.2; done
  OUT="$OUT/results/$name" SUITE_SRC="$SUITE_SRC" bash "$SUITE_RUNNER" "http://127.0.0.1:$PORT/ngsi-ld/v1" "$@"
  kill $SERVER; wait $SERVER 2>/dev/null || true
}

P=TP/NGSI-LD/ContextInformation
run now $P/Provision/Entities $P/Provision/EntityAttributes $P/Provision/BatchEntities \
  $P/Provision/PurgeEntities $P/Provision/TransientEntities $P/Consumption/Entity $P/Consumption/Discovery \
  $P/Subscription TP/NGSI-LD/jsonldContext TP/NGSI-LD/CommonBehaviours
# The suite's evolutions are small; some of its cases want partial answers all the same.
export COMITY_HISTORY_ANSWER_READINGS_MAX=39
run past $P/Provision/TemporalEntity $P/Provision/TemporalEntityAttributes $P/Consumption/TemporalEntity
python3 - "$OUT/results" tests/suite-exceptions.txt <<'PY'
import glob, sys, xml.etree.ElementTree as tree
results, exceptions = sys.argv[1:]
known = {line.split()[0] for line in open(exceptions) if line.strip() and not line.startswith('#')}
failed, passed = set(), set()
for path in glob.glob(results + '/*/*/output.xml'):
    for test in tree.parse(path).iter('test'):
        name = test.get('name').split()[0]
        (passed if test.find('status').get('status') == 'PASS' else failed).add(name)
unexpected, mended = sorted(failed - known), sorted(known & passed - failed)
print(f'{len(passed)} passed, {len(failed)} failed, {len(failed & known)} of them expected')
if unexpected: print('failed, and not listed:', *unexpected)
if mended: print('listed, and passed:', *mended)
sys.exit(bool(unexpected or mended))
PY
