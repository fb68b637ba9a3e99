#!/usr/bin/env bash
# Azurite from npm: the blob service of Azure storage, in memory, with its well-known development account.
#   azurite.sh FOLDER PORT
set -euo pipefail
[ $# = 2 ] || { echo "usage: azurite.sh FOLDER PORT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
program=$here/../oracles/node_modules/azurite/dist/src/blob/main.js
[ -f "$program" ] || { echo "azurite.sh: npm ci --prefix tests/oracles comes first" >&2; exit 2; }
mkdir -p "$1"
node --max-old-space-size=4096 "$program" --blobHost 127.0.0.1 --blobPort "$2" --silent --skipApiVersionCheck --disableTelemetry \
    --inMemoryPersistence --extentMemoryLimit "${AZURITE_MIB:-4096}" < /dev/null > "$1/log" 2>&1 &
server=$!
trap 'trap - EXIT; kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 1' INT TERM
for _ in $(seq 240); do
    if curl -s "http://127.0.0.1:$2/" > /dev/null; then
        echo "endpoint=http://127.0.0.1:$2/devstoreaccount1"
        echo "account=devstoreaccount1"
        echo "key=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
        echo ready
        cat > /dev/null
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.25
done
echo "azurite.sh: it does not answer" >&2
cat "$1/log" >&2
exit 1
