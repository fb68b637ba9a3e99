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
if [ $# -gt 0 ]; then
    mkdir -p "$1"; dir=$(cd "$1" && pwd); keep=1
else
    dir=$(mktemp -d /var/tmp/cloudimage-repository.XXXXXX); keep=0
fi
for tool in /usr/bin/time cmp awk; do
    command -v "$tool" >/dev/null || { echo "repository.sh: $tool is not installed" >&2; exit 2; }
done
if [ ! -f "$dir/v2.raw" ]; then
    make=$here/../../../shared/tools/make-images.sh
    [ -x "$make" ] || { echo "repository.sh: no $dir/v2.raw, and no $make to make it" >&2; exit 2; }
    "$make" "$dir"
fi
tool=${CLOUDIMAGE:-$dir/bin/cloudimage}
[ -x "$tool" ] || "$here/publish.sh" "$dir/bin"
peers=""
for peer in ${PEERS:-borg restic casync}; do
    command -v "$peer" >/dev/null && peers="$peers $peer"
done
work=$dir/work
rm -rf "$work"; mkdir -p "$work"
trap 'rm -rf "$work"; [ $keep = 1 ] || rm -rf "$dir"' EXIT
export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR=$work/borg-home
export RESTIC_PASSWORD=benchmark RESTIC_CACHE_DIR=$work/restic-cache CLOUDIMAGE_BENCHMARK_KEY=benchmark-passphrase
cat "$dir/v1.raw" "$dir/v2.raw" > /dev/null   # hot cache

# run NAME COMMAND...: appends "seconds kilobytes" to $work/NAME.t
run() {
    local name=$1; shift
    /usr/bin/time -f '%e %M' -o "$work/last.t" "$@" > "$work/last.log" 2>&1 || { echo "repository.sh: $name failed:" >&2; tail -5 "$work/last.log" >&2; exit 2; }
    tail -1 "$work/last.t" >> "$work/$name.t"
}
median() { cut -d' ' -f1 "$work/$1.t" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
memory() { cut -d' ' -f2 "$work/$1.t" | sort -n | tail -1 | awk '{ printf "%.0f", $1 / 1024 }'; }
bytes() { du -sb --apparent-size "$1" | cut -f1; }
objects() { find "$1" -type f | wc -l; }
sum() { awk -v a="$(median "$1")" -v b="$(median "$2")" 'BEGIN { print a + b }'; }
id_of() { sed -n 's/.*"id": *"\([0-9a-f]*\)".*/\1/p' "$work/last.log" | head -1; }
check() { cmp -s "$1" "$dir/v2.raw" || { echo "repository.sh: $1 differs from v2.raw" >&2; exit 2; }; rm -f "$1"; }

ours() { # VARIANT CODEC ENCRYPTION
    local repo=$work/repo-$1 key=()
    rm -rf "$repo"
    [ "$3" = none ] || key=(--key env:CLOUDIMAGE_BENCHMARK_KEY)
    "$tool" repo init "$repo" --encryption "$3" "${key[@]}" > /dev/null
    run "$1-v1" "$tool" snapshot create "$repo" "$dir/v1.raw" --image disk --codec "$2" --durability none --json "${key[@]}"
    run "$1-v2" "$tool" snapshot create "$repo" "$dir/v2.raw" --image disk --codec "$2" --durability none --json "${key[@]}"
    local id; id=$(id_of)
    bytes "$repo" > "$work/$1.bytes"; objects "$repo" > "$work/$1.objects"
    run "$1-v3" "$tool" snapshot create "$repo" "$dir/v2.raw" --image disk --codec "$2" --durability none --json "${key[@]}"
    run "$1-restore" "$tool" snapshot restore "$repo" "$id" "$work/restored-$1.raw" --to raw --durability none "${key[@]}"
    check "$work/restored-$1.raw"
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

missed=0
mkdir -p "$(dirname "$results")"
row() { # WHAT OURS THEIRS LIMIT
    local ratio verdict
    ratio=$(awk -v a="$2" -v b="$3" 'BEGIN { printf "%.3f", a / b }')
    if awk -v r="$ratio" -v l="$4" 'BEGIN { exit !(r <= l) }'; then verdict=met; else verdict=missed; missed=1; fi
    echo "| $1 | $2 | $3 | $ratio | $4 | $verdict |"
}
{
    echo "# The snapshot repository beside its peers"
    echo
    echo "$runs runs, $(nproc) processors, $(awk -F: '/model name/ { print $2; exit }' /proc/cpuinfo | sed 's/^ //'), load at the end $(cut -d' ' -f1 /proc/loadavg)."
    for peer in $peers; do case $peer in casync) echo "- $(casync --version | head -1)";; restic) echo "- $(restic version)";; *) echo "- $(borg --version)";; esac; done
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
    row "encrypted: the same without" "$(sum sealed-v1 sealed-v2)" "$(sum plain-v1 plain-v2)" 1.15
    echo
    echo "| | v1 s | v2 s | unchanged s | restore s | stored bytes | objects | MB capture | MB restore |"
    echo "|---|---|---|---|---|---|---|---|---|"
    for name in lz4 plain sealed $peers; do
        third=-; [ -f "$work/$name-v3.t" ] && third=$(median "$name-v3")
        echo "| $name | $(median "$name-v1") | $(median "$name-v2") | $third | $(median "$name-restore") | $(cat "$work/$name.bytes") | $(cat "$work/$name.objects") | $(memory "$name-v1") | $(memory "$name-restore") |"
    done
} | tee "$results"
grep -q '| missed |' "$results" && missed=1
exit $missed
