#!/usr/bin/env bash
# Holds the time, the stored bytes and the memory of the snapshot repository against borg, restic and casync.
#   repository.sh [DIR]   DIR holds v1.raw and v2.raw (made by ../shared/tools/make-images.sh where they are missing;
#                         without DIR a temporary folder is used) and takes repositories and restored disks, about 15 GB.
# Hot cache, one medium, nothing flushed by anybody: ours runs with --durability none. Runs alternate; medians are told.
#   CLOUDIMAGE    the executable; published by publish.sh into DIR where it is not named
#   RUNS          runs of each command (3)
#   PEERS         which peers run, separated by blanks (borg restic casync, as far as they are installed)
#   RESULTS       where the table is also written (benchmarks/peers/results/repository.md)
# Every restored disk is compared with its source. Exit code 1 where a limit of the table is missed, 2 where it could not run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-3}
results=${RESULTS:-$here/results/repository.md}
. "$here/common.sh"
begin repository work "/usr/bin/time cmp awk python3" "$@"
if [ ! -f "$dir/v2.raw" ]; then
    make=$here/../../../shared/tools/make-images.sh
    [ -x "$make" ] || { echo "repository.sh: no $dir/v2.raw, and no $make to make it" >&2; exit 2; }
    "$make" "$dir"
fi
export CLOUDIMAGE_BENCHMARK_KEY=benchmark-passphrase
cat "$dir/v1.raw" "$dir/v2.raw" > /dev/null   # hot cache

memory() { cut -d' ' -f2 "$work/$1.t" | sort -n | tail -1 | awk '{ printf "%.0f", $1 / 1024 }'; }
objects() { find "$1" -type f | wc -l; }
sum() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { print a + b }'; }
check() { cmp -s "$1" "$dir/v2.raw" || { echo "repository.sh: $1 differs from v2.raw" >&2; exit 2; }; rm -f "$1"; }

# What is allocated of v2.raw and nothing else: a capture that finds nothing changed reads no more than this.
python3 - "$dir/v2.raw" "$work/allocated" <<'PYTHON'
import os, sys
source = os.open(sys.argv[1], os.O_RDONLY)
end, position = os.fstat(source).st_size, 0
with open(sys.argv[2], "wb") as target:
    while position < end:
        try:
            position = os.lseek(source, position, os.SEEK_DATA)
        except OSError:
            break
        hole = os.lseek(source, position, os.SEEK_HOLE)
        while position < hole:
            piece = os.pread(source, min(1 << 20, hole - position), position)
            target.write(piece)
            position += len(piece)
PYTHON

ours() { # VARIANT CODEC ENCRYPTION
    local repo=$work/repo-$1 key=()
    rm -rf "$repo"
    [ "$3" = none ] || key=(--key env:CLOUDIMAGE_BENCHMARK_KEY)
    "$tool" repo init "$repo" --encryption "$3" "${key[@]}" > /dev/null
    run "$1-v1" "$tool" snapshot create "$repo" "$dir/v1.raw" --image disk --codec "$2" --durability none --json "${key[@]}"
    run "$1-v2" "$tool" snapshot create "$repo" "$dir/v2.raw" --image disk --codec "$2" --durability none --json "${key[@]}"
    local id; id=$(field id)
    bytes "$repo" > "$work/$1.bytes"; objects "$repo" > "$work/$1.objects"
    run "$1-v3" "$tool" snapshot create "$repo" "$dir/v2.raw" --image disk --codec "$2" --durability none --json "${key[@]}"
    if [ "$1" = lz4 ]; then
        run hash "$tool" hash "$work/allocated" --raw --algorithm blake3
        mapped "$repo" "$id"
    fi
    run "$1-restore" "$tool" snapshot restore "$repo" "$id" "$work/restored-$1.raw" --to raw --durability none "${key[@]}"
    check "$work/restored-$1.raw"
}
mapped() { # REPO V2: captures v2 again over v1 alone, with the exact map of what changed
    local again=$work/repo-mapped first
    first=$("$tool" snapshot list "$1" --json | sed -n 's/.*"id": *"\([0-9a-f]*\)".*/\1/p' | head -1)
    "$tool" snapshot diff "$1" "$first" "$2" "$work/changes.map" --to map > /dev/null
    rm -rf "$again"; "$tool" repo init "$again" > /dev/null
    run mapped-v1 "$tool" snapshot create "$again" "$dir/v1.raw" --image disk --durability none --json
    run mapped-v2 "$tool" snapshot create "$again" "$dir/v2.raw" --image disk --change-map "$work/changes.map" --durability none --json
    field readBytes > "$work/mapped.read"
    rm -rf "$again"
}
peer_borg() {
    local repo=$work/borg; rm -rf "$repo"
    borg init -e none "$repo" > /dev/null 2>&1
    run borg-v1 borg create -C lz4 --chunker-params fixed,4194304 "$repo::v1" "$dir/v1.raw"
    run borg-v2 borg create -C lz4 --chunker-params fixed,4194304 "$repo::v2" "$dir/v2.raw"
    bytes "$repo" > "$work/borg.bytes"; objects "$repo" > "$work/borg.objects"
    mkdir -p "$work/out"; (cd "$work/out" && run borg-restore borg extract --sparse "$repo::v2"); check "$work/out/${dir#/}/v2.raw"; rm -rf "$work/out"
}
peer_restic() {
    local repo=$work/restic; rm -rf "$repo" "$RESTIC_CACHE_DIR"
    restic init --repository-version 2 -r "$repo" > /dev/null
    run restic-v1 restic -q backup -r "$repo" "$dir/v1.raw"
    run restic-v2 restic -q backup -r "$repo" "$dir/v2.raw"
    bytes "$repo" > "$work/restic.bytes"; objects "$repo" > "$work/restic.objects"
    run restic-restore restic -q restore -r "$repo" latest --target "$work/out"; check "$work/out/$dir/v2.raw"; rm -rf "$work/out"
}
peer_casync() {
    local repo=$work/casync; rm -rf "$repo"; mkdir -p "$repo"
    run casync-v1 casync make --store="$repo/default.castr" "$repo/v1.caibx" "$dir/v1.raw"
    run casync-v2 casync make --store="$repo/default.castr" "$repo/v2.caibx" "$dir/v2.raw"
    bytes "$repo" > "$work/casync.bytes"; objects "$repo" > "$work/casync.objects"
    run casync-restore casync extract --store="$repo/default.castr" "$repo/v2.caibx" "$work/casync.raw"; check "$work/casync.raw"
}
for ((round = 0; round < runs; round++)); do
    ours lz4 lz4 none
    ours sealed zstd aes256gcm
    ours plain zstd none
    for peer in $peers; do "peer_$peer"; done
done

mkdir -p "$(dirname "$results")"
row() { # WHAT OURS THEIRS LIMIT
    local ratio
    ratio=$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.3f", a / b }')
    echo "| $1 | $2 | $3 | $ratio | $4 | $(verdict "$ratio" "$4") |"
}
{
    echo "# The snapshot repository beside its peers"
    echo
    echo "$runs runs, $(machine)."
    versions_of_peers
    echo
    echo "| seconds or bytes | ours | peer | ratio | limit | |"
    echo "|---|---|---|---|---|---|"
    case $peers in *borg*)
        row "capture v1, v2, LZ4: borg" "$(sum lz4-v1 lz4-v2)" "$(sum borg-v1 borg-v2)" 0.25
        row "stored: borg" "$(cat "$work/lz4.bytes")" "$(cat "$work/borg.bytes")" 0.98
        row "restore v2: borg" "$(median lz4-restore)" "$(median borg-restore)" 0.2 ;; esac
    case $peers in *restic*)
        row "capture v1, v2, zstd, encrypted: restic" "$(sum sealed-v1 sealed-v2)" "$(sum restic-v1 restic-v2)" 0.15
        row "stored: restic" "$(cat "$work/sealed.bytes")" "$(cat "$work/restic.bytes")" 1.0
        row "restore v2: restic" "$(median sealed-restore)" "$(median restic-restore)" 0.35 ;; esac
    case $peers in *casync*)
        row "capture v1, v2, LZ4: casync" "$(sum lz4-v1 lz4-v2)" "$(sum casync-v1 casync-v2)" 0.05 ;; esac
    row "unchanged capture: hash --raw --algorithm blake3 of the allocated bytes" "$(median lz4-v3)" "$(median hash)" 1.4
    row "bytes read with a change map: bytes that it names" "$(cat "$work/mapped.read")" "$(python3 -c 'import json, sys; print(sum(e["length"] for e in json.load(open(sys.argv[1]))["ranges"] if e["kind"] == "data"))' "$work/changes.map")" 1.0
    row "v2 with a change map: without" "$(median mapped-v2)" "$(median lz4-v2)" 1.0
    row "encrypted: the same without" "$(sum sealed-v1 sealed-v2)" "$(sum plain-v1 plain-v2)" 1.15
    echo
    echo "| | v1 s | v2 s | unchanged s | restore s | stored bytes | objects | MB capture | MB restore |"
    echo "|---|---|---|---|---|---|---|---|---|"
    for variant in lz4 plain sealed $peers; do
        echo "| $variant | $(median "$variant-v1") | $(median "$variant-v2") | $(median "$variant-v3") | $(median "$variant-restore") | $(cat "$work/$variant.bytes") | $(cat "$work/$variant.objects") | $(memory "$variant-v1") | $(memory "$variant-restore") |"
    done
} | tee "$results"
! grep -q '| missed |' "$results"
