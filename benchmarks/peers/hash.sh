#!/usr/bin/env bash
# Hashes one file with cloudimage and with the tools people use, in turn, and prints the median of the ratios.
#   hash.sh [CLOUDIMAGE [FILE]]
# CLOUDIMAGE is the published command (default: publish.sh makes one); FILE defaults to 1 GiB of random bytes in /dev/shm.
# Every tool runs on one thread, pinned to one processor, ROUNDS times (default 7). The figures are of the process's own
# processor time, user and system, start included, so that other programs' turns do not count; the ratio by the clock on
# the wall is beside it. openssl's and xxhsum's own benchmarks on a small buffer follow, for what they are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
rounds=${ROUNDS:-7}
work=$(mktemp -d /var/tmp/cloudimage-hash.XXXXXX)
file=${2:-}
made=
trap 'rm -rf "$work" ${made:+"$made"}' EXIT
tool=${1:-}
if [ -z "$tool" ]; then
    bash "$here/publish.sh" "$work/bin"
    tool=$work/bin/cloudimage
fi
if [ -z "$file" ]; then
    made=$(mktemp /dev/shm/cloudimage-hash.XXXXXX)
    file=$made
    head -c 1G /dev/urandom >"$file"
fi
bytes=$(stat -c %s "$file")
pin=()
command -v taskset >/dev/null && pin=(taskset -c "$(($(nproc) - 1))")

# seconds COMMAND...: the processor time of one run, then the wall-clock time.
seconds() {
    local TIMEFORMAT='%U %S %R'
    { time "${pin[@]}" "$@" >/dev/null 2>&3; } 3>&2 2>"$work/time"
    awk '{ print $1 + $2, $3 }' "$work/time"
}

median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# compare NAME ALGORITHM COMMAND...: ours and a peer's alternate, so that a busy machine slows both.
compare() {
    local name=$1 algorithm=$2
    shift 2
    if ! command -v "$1" >/dev/null; then
        echo "| $name | not installed | | | | |"
        return
    fi
    : >"$work/ours"; : >"$work/theirs"; : >"$work/ratios"; : >"$work/wall"
    for ((i = 0; i < rounds; i++)); do
        read -r ours our_wall <<<"$(seconds "$tool" hash --raw --algorithm "$algorithm" --threads 1 "$file")"
        read -r theirs their_wall <<<"$(seconds "$@")"
        echo "$ours" >>"$work/ours"; echo "$theirs" >>"$work/theirs"
        awk -v a="$ours" -v b="$theirs" 'BEGIN { print b / a }' >>"$work/ratios"
        awk -v a="$our_wall" -v b="$their_wall" 'BEGIN { print b / a }' >>"$work/wall"
    done
    sort -g "$work/ratios" >"$work/sorted"
    awk -v n="$name" -v s="$bytes" -v a="$(median <"$work/ours")" -v b="$(median <"$work/theirs")" \
        -v r="$(median <"$work/ratios")" -v lo="$(head -n 1 "$work/sorted")" -v hi="$(tail -n 1 "$work/sorted")" \
        -v w="$(median <"$work/wall")" \
        'BEGIN { printf "| %s | %.2f | %.2f | %.2f | %.2f to %.2f | %.2f |\n", n, s / a / 1e9, s / b / 1e9, r, lo, hi, w }'
}

ours=$("$tool" hash --raw --algorithm blake3 --threads 1 "$file" | grep -oE '[0-9a-f]{64}' | head -n 1)
if command -v b3sum >/dev/null; then
    theirs=$(b3sum --no-names "$file")
    [ "$ours" = "$theirs" ] || { echo "the digests differ: $ours and $theirs"; exit 1; }
fi
echo "$(nproc) processors, $bytes bytes, $rounds rounds, load $(cut -d' ' -f1 /proc/loadavg)"
echo
echo "| against | ours, GB/s | theirs, GB/s | ratio (median) | range | ratio by the clock |"
echo "|---|---|---|---|---|---|"
compare "b3sum --num-threads 1 (ours BLAKE3)" blake3 b3sum --num-threads 1 "$file"
compare "openssl dgst -sha256 (ours BLAKE3)" blake3 openssl dgst -sha256 "$file"
compare "openssl dgst -sha256 (ours SHA-256)" sha256 openssl dgst -sha256 "$file"
compare "xxhsum -H2, not cryptographic (ours BLAKE3)" blake3 xxhsum -H2 "$file"
echo
if command -v openssl >/dev/null; then
    openssl speed -evp sha256 -bytes 1048576 -seconds 1 2>/dev/null | tail -n 1 | sed 's/^/openssl speed, 1 MiB: /'
fi
if command -v xxhsum >/dev/null; then
    xxhsum -b11 2>&1 | tr '\r' '\n' | grep -a 'MB/s' | tail -n 1 | sed 's/^ */xxhsum -b11: /'
fi
