#!/usr/bin/env bash
# Holds a repository in a real S3 service against one in a folder plus the transfer of the same bytes by the vendor's client alone.
#   s3.sh [DIR]   DIR holds v1.raw and v2.raw (made by ../shared/tools/make-images.sh where they are missing; without DIR a temporary folder is used)
# The service is a Ceph object gateway with its objects in memory, started by tests/servers/rgw.sh: it shares the processors with the command.
#   CLOUDIMAGE    the executable; published by publish.sh into DIR where it is not named
#   RUNS          runs of each command (3), the kinds taking turns; medians are told
#   RESULTS       where the table is also written (benchmarks/peers/results/s3.md)
# Every restored disk is compared with its source. Exit code 1 where a limit of the table is missed, 2 where it could not run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-3}
results=${RESULTS:-$here/results/s3.md}
. "$here/common.sh"
begin s3 s3-work "/usr/bin/time cmp awk dotnet radosgw ceph-osd" "$@"
if [ ! -f "$dir/v2.raw" ]; then
    make=$here/../../../shared/tools/make-images.sh
    [ -x "$make" ] || { echo "s3.sh: no $dir/v2.raw, and no $make to make it" >&2; exit 2; }
    "$make" "$dir"
fi
dotnet build "$here/../S3Transfer" -c Release -nologo -v q > "$work/build.log" 2>&1 || { tail -5 "$work/build.log" >&2; exit 2; }
transfer() { dotnet "$here/../S3Transfer/bin/Release/net10.0/S3Transfer.dll" "$@"; }

mkfifo "$work/hold"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
RGW_BYTES=8589934592 bash "$here/../../tests/servers/rgw.sh" "$work/rgw" "$port" < "$work/hold" > "$work/rgw.out" 2>&1 &
server=$!
exec 9> "$work/hold"
trap 'exec 9>&-; wait $server || true; rm -rf "$work"; [ $keep = 1 ] || rm -rf "$dir"' EXIT
for _ in $(seq 120); do grep -q '^ready$' "$work/rgw.out" && break; sleep 1; done
grep -q '^ready$' "$work/rgw.out" || { echo "s3.sh: the gateway does not start" >&2; tail -5 "$work/rgw.out" >&2; exit 2; }
export AWS_ACCESS_KEY_ID=TESTKEY AWS_SECRET_ACCESS_KEY=TESTSECRET
cat "$dir/v1.raw" "$dir/v2.raw" > /dev/null   # hot cache
check() { cmp -s "$1" "$dir/v2.raw" || { echo "s3.sh: $1 differs from v2.raw" >&2; exit 2; }; rm -f "$1"; }

folder() {
    local repo=$work/repo id
    rm -rf "$repo"; "$tool" repo init "$repo" > /dev/null
    "$tool" snapshot create "$repo" "$dir/v1.raw" --image disk --durability none > /dev/null
    touch "$work/before"; sleep 0.1
    run folder-capture "$tool" snapshot create "$repo" "$dir/v2.raw" --image disk --durability none --json
    id=$(field id)
    rm -rf "$work/new"; mkdir "$work/new"
    (cd "$repo" && find . -type f -newer "$work/before" -exec cp --parents -t "$work/new" {} +)
    run folder-restore "$tool" snapshot restore "$repo" "$id" "$work/folder.raw" --to raw --durability none
    check "$work/folder.raw"
}
cloud() { # ROUND
    local repo="s3://round$1/repo?endpoint=http://127.0.0.1:$port&profile=ceph&create-bucket=true" id
    "$tool" repo init "$repo" > /dev/null
    run cloud-first "$tool" snapshot create "$repo" "$dir/v1.raw" --image disk --json
    run cloud-capture "$tool" snapshot create "$repo" "$dir/v2.raw" --image disk --json
    id=$(field id); field creates > "$work/creates"; field storedBytes > "$work/stored"; field reads > "$work/capture-reads"; field lists > "$work/capture-lists"
    run cloud-restore "$tool" snapshot restore "$repo" "$id" "$work/cloud.raw" --to raw --durability none --json
    field reads > "$work/reads"; field bytesRead > "$work/read"
    check "$work/cloud.raw"
}
raw() { # ROUND
    transfer put "http://127.0.0.1:$port" "raw$1" "$work/new" > "$work/put.log"; awk '{ print $1, 0 }' "$work/put.log" >> "$work/raw-put.t"
    transfer get "http://127.0.0.1:$port" "raw$1" "$(cat "$work/read")" > "$work/get.log"; awk '{ print $1, 0 }' "$work/get.log" >> "$work/raw-get.t"
}
for ((round = 0; round < runs; round++)); do
    folder
    cloud "$round"
    raw "$round"
done

sum() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { print a + b }'; }
row() { # WHAT OURS THEIRS LIMIT
    local ratio
    ratio=$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.3f", a / b }')
    echo "| $1 | $2 | $3 | $ratio | $4 | $(verdict "$ratio" "$4") |"
}
mkdir -p "$(dirname "$results")"
{
    echo "# A repository in S3 beside a folder and the raw transfer"
    echo
    echo "$runs runs, $(machine). Ceph $(ceph --version | awk '{ print $3 }') on the same machine, objects in memory; the vendor's client sends and gets four objects at once."
    echo
    echo "| seconds or requests | s3 | folder + raw transfer, or allowed | ratio | limit | |"
    echo "|---|---|---|---|---|---|"
    row "capture v2" "$(median cloud-capture)" "$(sum folder-capture raw-put)" 1.6
    row "restore v2" "$(median cloud-restore)" "$(sum folder-restore raw-get)" 1.6
    row "PUT requests of the capture: one for 60 MiB stored, and 20" "$(cat "$work/creates")" "$(awk -v s="$(cat "$work/stored")" 'BEGIN { printf "%.1f", s / 62914560 + 20 }')" 1.0
    echo
    echo "| | capture v2 s | restore v2 s | MB at most |"
    echo "|---|---|---|---|"
    memory() { cut -d' ' -f2 "$work/$1.t" | sort -n | tail -1 | awk '{ printf "%.0f", $1 / 1024 }'; }
    echo "| s3 | $(median cloud-capture) | $(median cloud-restore) | $(memory cloud-capture) / $(memory cloud-restore) |"
    echo "| folder | $(median folder-capture) | $(median folder-restore) | $(memory folder-capture) / $(memory folder-restore) |"
    echo "| vendor's client alone | $(median raw-put) | $(median raw-get) | - |"
    echo
    echo "The capture stored $(cat "$work/stored") bytes with $(cat "$work/creates") creations, $(cat "$work/capture-reads") reads and $(cat "$work/capture-lists") lists; the restore read $(cat "$work/read") bytes with $(cat "$work/reads") reads."
} | tee "$results"
! grep -q '| missed |' "$results"
