#!/usr/bin/env bash
# s3rver from npm: an S3 server that ignores conditions on creations, against which the probe of stores is held.
#   s3rver.sh FOLDER PORT
set -euo pipefail
[ $# = 2 ] || { echo "usage: s3rver.sh FOLDER PORT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
program=$here/../oracles/node_modules/s3rver/bin/s3rver.js
[ -f "$program" ] || { echo "s3rver.sh: npm ci --prefix tests/oracles comes first" >&2; exit 2; }
mkdir -p "$1/objects"
node "$program" -a 127.0.0.1 -p "$2" -d "$1/objects" --no-vhost-buckets --configure-bucket there < /dev/null > "$1/log" 2>&1 &
server=$!
trap 'trap - EXIT; kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
trap 'exit 1' INT TERM
for _ in $(seq 240); do
    if curl -s "http://127.0.0.1:$2/" > /dev/null; then
        echo "endpoint=http://127.0.0.1:$2"
        echo "access=S3RVER"
        echo "secret=S3RVER"
        echo "bucket=there"
        echo ready
        cat > /dev/null
        exit 0
    fi
    sleep 0.25
done
echo "s3rver.sh: it does not answer" >&2
cat "$1/log" >&2
exit 1
