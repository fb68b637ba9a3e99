#!/usr/bin/env bash
# Real processes share one repository: writers that take, check, trace and prune snapshots, with patch frames and without, collectors, a reader,
# and now and then a kill -9.
#   shared-repository.sh REPO [SECONDS]    REPO is a folder that does not exist yet, or an address such as s3://bucket/prefix?endpoint=...
#   CLOUDIMAGE    the executable (cloudimage on the PATH); publish it with benchmarks/peers/publish.sh
#   WRITERS       how many writers, each with a disk and an image of its own (3)
#   COLLECTORS    how many collectors (1)
#   SIZE_MIB      size of each disk (48)
#   KILL_PERCENT  how many captures in a hundred are killed while they run (10)
# Nothing acknowledged may be lost: every snapshot that is listed at the end, and was acknowledged, is restored and compared with the disk that
# it was taken of; everything is verified; and what nothing refers to is gone after the last collections. Exit code 1 where that does not hold.
set -uo pipefail
repository=${1:?usage: shared-repository.sh REPO [SECONDS]}
seconds=${2:-600}
tool=${CLOUDIMAGE:-cloudimage}
writers=${WRITERS:-3} collectors=${COLLECTORS:-1} size=${SIZE_MIB:-48} kills=${KILL_PERCENT:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
end=$((SECONDS + seconds))
command -v jq > /dev/null || { echo "jq is not installed"; exit 2; }
"$tool" repo init "$repository" --json > /dev/null || exit 2
: > "$work/faults"
: > "$work/traces"

fault() { echo "$*" | tee -a "$work/faults" >&2; }
digest() { sha256sum < "$1" | cut -d' ' -f1; }

writer() { # NUMBER
    local disk=$work/disk$1 round=0 id answer pid status
    RANDOM=$((1000 + $1))
    head -c "${size}M" /dev/urandom > "$disk"
    while [ "$SECONDS" -lt "$end" ]; do
        round=$((round + 1))
        for _ in 1 2 3 4 5 6 7 8; do
            dd if=/dev/urandom of="$disk" bs=4096 count=$((1 + RANDOM % 64)) seek=$((RANDOM % (size * 256 - 64))) conv=notrunc status=none
        done
        "$tool" snapshot create "$repository" "$disk" --image "disk$1" --patch-frames "$([ $((RANDOM % 4)) = 0 ] && echo false || echo true)" --json > "$work/answer$1" 2> "$work/error$1" &
        pid=$!
        if [ $((RANDOM % 100)) -lt "$kills" ]; then
            sleep "0.$((RANDOM % 6))"
            kill -9 "$pid" 2> /dev/null
            wait "$pid" 2> /dev/null
            continue # it may have been committed; if so it is not among the acknowledged
        fi
        wait "$pid"
        status=$?
        if [ "$status" != 0 ]; then
            fault "writer $1, round $round: capture ended with $status: $(cat "$work/error$1")"
            continue
        fi
        id=$(jq -r .id "$work/answer$1")
        echo "$id $(digest "$disk")" >> "$work/acknowledged$1"
        if [ $((round % 4)) = 0 ]; then
            "$tool" snapshot trace "$repository" "$id" --range "$((RANDOM % size))M:300k" --range "$((RANDOM % size))M:1M" > "$work/trace$1" 2>&1 || fault "writer $1, round $round: trace: $(cat "$work/trace$1")"
            echo . >> "$work/traces"
            [ $((RANDOM % 4)) != 0 ] || "$tool" snapshot trace "$repository" "$id" --drop > "$work/trace$1" 2>&1 || fault "writer $1, round $round: drop: $(cat "$work/trace$1")"
        fi
        if [ $((round % 3)) = 0 ]; then
            "$tool" snapshot prune "$repository" --image "disk$1" --keep-last 4 --yes > "$work/prune$1" 2>&1 || fault "writer $1, round $round: prune: $(cat "$work/prune$1")"
        fi
    done
    echo "$round" > "$work/rounds$1"
}

collector() { # NUMBER
    local count=0
    while [ "$SECONDS" -lt "$end" ]; do
        "$tool" repo gc "$repository" --compact $((count % 3 * 30)) > "$work/gc$1" 2>&1 || fault "collector $1: $(tail -n 3 "$work/gc$1")"
        count=$((count + 1))
        sleep 0.2
    done
    echo "$count" > "$work/collections$1"
}

reader() { # restores acknowledged snapshots that are still listed; one that was pruned meanwhile is no fault
    local count=0 id expected
    while [ "$SECONDS" -lt "$end" ]; do
        read -r id expected < <(cat "$work"/acknowledged* 2> /dev/null | shuf -n 1)
        if [ -z "${id:-}" ]; then
            sleep 1
            continue
        fi
        if "$tool" snapshot restore "$repository" "$id" "$work/read" --to raw --durability none > "$work/reader" 2>&1; then
            [ "$(digest "$work/read")" = "$expected" ] || fault "reader: snapshot $id is not what was acknowledged"
            count=$((count + 1))
        elif "$tool" snapshot list "$repository" --json | jq -e --arg id "$id" 'any(.[]; .id == $id)' > /dev/null; then
            fault "reader: snapshot $id is listed and cannot be read: $(cat "$work/reader")"
        fi
    done
    echo "$count" > "$work/reads"
}

pids=()
for ((n = 1; n <= writers; n++)); do writer "$n" & pids+=($!); done
for ((n = 1; n <= collectors; n++)); do collector "$n" & pids+=($!); done
reader & pids+=($!)
wait "${pids[@]}"

"$tool" snapshot list "$repository" --json > "$work/list" || fault "the list cannot be read"
checked=0
while read -r id expected; do
    jq -e --arg id "$id" 'any(.[]; .id == $id)' "$work/list" > /dev/null || continue
    if "$tool" snapshot restore "$repository" "$id" "$work/read" --to raw --durability none > "$work/reader" 2>&1; then
        [ "$(digest "$work/read")" = "$expected" ] || fault "snapshot $id is not what was acknowledged"
    else
        fault "snapshot $id cannot be restored: $(cat "$work/reader")"
    fi
    checked=$((checked + 1))
done < <(cat "$work"/acknowledged*)
for ((n = 1; n <= writers; n++)); do
    last=$(tail -n 1 "$work/acknowledged$n" | cut -d' ' -f1)
    jq -e --arg id "$last" 'any(.[]; .id == $id)' "$work/list" > /dev/null || fault "the newest acknowledged snapshot of disk$n, $last, is not listed"
done
"$tool" snapshot verify "$repository" > "$work/verify" 2>&1 || fault "verify: $(tail -n 3 "$work/verify")"

# Killed captures are given up, then everything that nothing refers to goes.
for _ in 1 2 3 4; do "$tool" repo gc "$repository" --abort-idle 0s > "$work/gc" 2>&1 || fault "last collection: $(tail -n 3 "$work/gc")"; done
"$tool" repo gc "$repository" --dry-run --json > "$work/left" 2>&1 || fault "dry run: $(cat "$work/left")"
"$tool" snapshot verify "$repository" --level structure > "$work/verify" 2>&1 || fault "verify after the last collection: $(tail -n 3 "$work/verify")"
jq -e '.candidatePacks == 0' "$work/left" > /dev/null || fault "after the last collections $(jq .candidatePacks "$work/left") packs could still go"
echo "$(cat "$work"/rounds* | paste -sd+ | bc) captures begun, $(cat "$work"/acknowledged* | wc -l) acknowledged, $(cat "$work"/collections* | paste -sd+ | bc) collections, $(wc -l < "$work/traces") traces kept, $(cat "$work/reads") restores beside them, $checked checked at the end, $(wc -l < "$work/faults") faults"
[ ! -s "$work/faults" ]
