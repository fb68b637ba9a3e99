#!/usr/bin/env bash
# Holds what happens to snapshots after they were taken against borg, restic and casync: small scattered writes, giving up and collecting, copying.
#   lifecycle.sh [DIR]    DIR takes disks and repositories, about 12 GB (a temporary folder without it)
#   CLOUDIMAGE    the executable; published by publish.sh into DIR where it is not named
#   SIZE_MIB      size of the disk of incompressible data (2048)
#   WRITES        random writes of 8 KiB between two snapshots (400)
#   VERSIONS      how many versions of the disk are taken before all but one are given up (5)
#   PEERS         which peers run, separated by blanks (borg restic casync, as far as they are installed)
#   RESULTS       where the table is also written (benchmarks/peers/results/lifecycle.md)
# Hot cache, one medium, nothing flushed by anybody but by collection and copying, whose durability is what they are for. One run: times are told, bytes are held to limits.
# Exit code 1 where a limit of the table is missed, 2 where it could not run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
results=${RESULTS:-$here/results/lifecycle.md}
size=${SIZE_MIB:-2048} writes=${WRITES:-400} versions=${VERSIONS:-5}
. "$here/common.sh"
begin lifecycle lifecycle "/usr/bin/time awk dd" "$@"
disk=$work/disk.raw
head -c "${size}M" /dev/urandom > "$disk"
RANDOM=4711
scatter() { # random places on a grid of 8 KiB, the same ones in every run
    local n place
    for ((n = 0; n < writes; n++)); do
        place=$(((RANDOM * 32768 + RANDOM) % (size * 128)))
        head -c 8192 /dev/urandom | dd of="$disk" bs=8192 seek="$place" conv=notrunc status=none
    done
}
"$tool" repo init "$work/ours" > /dev/null
"$tool" repo init "$work/whole" > /dev/null
for peer in $peers; do case $peer in
    borg) borg init -e none "$work/borg" > /dev/null 2>&1 ;;
    restic) restic init --repository-version 2 -r "$work/restic" > /dev/null ;;
    casync) mkdir -p "$work/casync" ;;
esac; done
capture() { # VERSION: the disk as it is, into every repository
    local before
    before=$(bytes "$work/ours")
    run "ours-capture$1" "$tool" snapshot create "$work/ours" "$disk" --image disk --durability none --json
    field id > "$work/id$1"
    echo $(($(bytes "$work/ours") - before)) > "$work/ours$1.bytes"
    if [ "$1" -le 2 ]; then
        before=$(bytes "$work/whole")
        run "whole-capture$1" "$tool" snapshot create "$work/whole" "$disk" --image disk --patch-frames false --durability none --json
        echo $(($(bytes "$work/whole") - before)) > "$work/whole$1.bytes"
    fi
    for peer in $peers; do
        before=$(bytes "$work/$peer")
        case $peer in
            borg) run "borg-capture$1" borg create -C lz4 --chunker-params fixed,4194304 "$work/borg::v$1" "$disk" ;;
            restic) run "restic-capture$1" restic -q backup -r "$work/restic" "$disk" ;;
            casync) run "casync-capture$1" casync make --store="$work/casync/default.castr" "$work/casync/v$1.caibx" "$disk" ;;
        esac
        echo $(($(bytes "$work/$peer") - before)) > "$work/$peer$1.bytes"
    done
}
capture 1
for ((version = 2; version <= versions; version++)); do scatter; capture "$version"; done

# Copy everything, then again without changes.
"$tool" repo init "$work/copy" --like "$work/ours" > /dev/null
run ours-copy "$tool" repo copy "$work/ours" "$work/copy" --json
frames=$(field frameBytes)
copied=$(bytes "$work/copy")
run ours-copy-again "$tool" repo copy "$work/ours" "$work/copy" --json
case $peers in *restic*)
    restic init --repository-version 2 -r "$work/restic-copy" --from-repo "$work/restic" --copy-chunker-params > /dev/null
    run restic-copy restic -q copy -r "$work/restic-copy" --from-repo "$work/restic"
    run restic-copy-again restic -q copy -r "$work/restic-copy" --from-repo "$work/restic" ;;
esac
run ours-diff "$tool" snapshot diff "$work/ours" "$(cat "$work/id1")" "$(cat "$work/id2")" --json

# Give up all but the newest, and free what it does not need.
run ours-prune "$tool" snapshot prune "$work/ours" --keep-last 1 --json
run ours-gc "$tool" repo gc "$work/ours" --compact 90 --json
case $peers in *restic*) run restic-prune restic -q forget -r "$work/restic" --keep-last 1 --prune ;; esac
case $peers in *borg*)
    run borg-prune borg prune --keep-last 1 "$work/borg"
    run borg-compact borg compact --threshold 10 "$work/borg" ;;
esac
run ours-verify "$tool" snapshot verify "$work/ours" --json

# What no command shows: a test and the benchmarks of the library measure it.
root=$here/../..
for project in tests/CloudImage.Sdk.Tests benchmarks/CloudImage.Sdk.Benchmarks; do
    dotnet build "$root/$project" -c Release -nologo -v q > "$work/build.log" 2>&1 || { tail -5 "$work/build.log" >&2; exit 2; }
done
CLOUDIMAGE_MEASURE=1 "$root/tests/CloudImage.Sdk.Tests/bin/Release/net10.0/CloudImage.Sdk.Tests" \
    --filter-class "*CollectCostTests" --output Detailed > "$work/collect.log" || { tail -20 "$work/collect.log" >&2; exit 2; }
# From the folder above the project, which the runner looks for to build from.
(cd "$root/benchmarks" && dotnet CloudImage.Sdk.Benchmarks/bin/Release/net10.0/CloudImage.Sdk.Benchmarks.dll --artifacts "$work/benchmarks" \
    --filter '*DiffBenchmarks*' '*ProofBenchmarks.Verify' '*MarkingBenchmarks*' --job short > "$work/benchmarks.log") || { tail -20 "$work/benchmarks.log" >&2; exit 2; }
collected() { sed -n "s/^ *$1: \([0-9.]*\) s.*/\1/p" "$work/collect.log"; }
mean() { # BENCHMARK UNIT: its mean in ns, us or ms
    awk -F'|' -v name="$1" -v unit="$2" '
        BEGIN { in_ns["ns"] = 1; in_ns["us"] = 1e3; in_ns["μs"] = 1e3; in_ns["ms"] = 1e6; in_ns["s"] = 1e9 }
        { key = $2; gsub(/ /, "", key) }
        key == name { split($3, part, " "); gsub(",", "", part[1]); printf "%.2f", part[1] * in_ns[part[2]] / in_ns[unit]; exit }' "$work/benchmarks.log"
}

mkdir -p "$(dirname "$results")"
changed=$((writes * 8192))
times() { awk -v a="$1" -v b="$changed" 'BEGIN { printf "%.2f", a / b }'; }
limit() { # WHAT VALUE LIMIT
    echo "| $1 | $2 | $3 | $(verdict "$2" "$3") |"
}
{
    echo "# After the capture: small changes, copies, collection"
    echo
    echo "A disk of $size MiB of incompressible data in $versions versions, $writes random writes of 8 KiB between two of them; $(machine)."
    versions_of_peers
    echo
    echo "| | value | limit | |"
    echo "|---|---|---|---|"
    limit "stored by the second capture, times what changed" "$(times "$(cat "$work/ours2.bytes")")" 1.3
    limit "the same without patch frames" "$(times "$(cat "$work/whole2.bytes")")" 34
    limit "bytes of a copy, times the missing frames" "$(awk -v a="$copied" -v b="$frames" 'BEGIN { printf "%.4f", a / b }')" 1.02
    limit "a copy without changes, seconds" "$(median ours-copy-again)" 1
    limit "collection of half of a million chunks, seconds" "$(collected "collection of half")" 2
    limit "the same repository measured chunk by chunk, seconds" "$(collected "dry run that measures every chunk")" 2
    limit "marking a reference, at one bit a chunk in the order of the packs, ns (20 million a second are 50)" "$(mean ChunksInOrder ns)" 50
    limit "difference of two trees of 1 TiB with 100 changes, each node read and verified, ms" "$(mean Cold ms)" 5
    limit "a proof of 4 TiB verified, microseconds" "$(mean Verify us)" 20
    echo
    echo "| | ours | without patch frames | restic | borg | casync |"
    echo "|---|---|---|---|---|---|"
    line() { # WHAT OURS RESTIC BORG CASYNC WHOLE
        echo "| $1 | $2 | ${6:--} | $3 | $4 | $5 |"
    }
    stored() { [ -f "$work/$1.bytes" ] && cat "$work/$1.bytes" || echo -; }
    line "first capture, s" "$(median ours-capture1)" "$(median restic-capture1)" "$(median borg-capture1)" "$(median casync-capture1)"
    line "second capture, s" "$(median ours-capture2)" "$(median restic-capture2)" "$(median borg-capture2)" "$(median casync-capture2)" "$(median whole-capture2)"
    line "stored by it, bytes ($changed changed)" "$(stored ours2)" "$(stored restic2)" "$(stored borg2)" "$(stored casync2)" "$(stored whole2)"
    line "difference of two snapshots, s" "$(median ours-diff)" - - -
    line "copy of everything, s" "$(median ours-copy)" "$(median restic-copy)" - -
    line "copy without changes, s" "$(median ours-copy-again)" "$(median restic-copy-again)" - -
    line "give up all but one, s" "$(median ours-prune)" - "$(median borg-prune)" -
    line "free the rest (restic: with giving up), s" "$(median ours-gc)" "$(median restic-prune)" "$(median borg-compact)" -
    line "marking a reference of chunks scattered over 16 packs, ns" "$(mean ChunksScattered ns)" - - -
    line "bytes left" "$(bytes "$work/ours")" "$([ -d "$work/restic" ] && bytes "$work/restic" || echo -)" "$([ -d "$work/borg" ] && bytes "$work/borg" || echo -)" -
} | tee "$results"
! grep -q '| missed |' "$results"
