#!/usr/bin/env bash
# Holds the time, the size and the memory of `cloudimage` against qemu-img, one row for each pair of formats.
#   convert.sh [DIR]      DIR holds v1.raw and v2.raw (made by ../shared/tools/make-images.sh where they are missing;
#                         without DIR a temporary folder is used) and takes the sources and results, about 10 GB.
# Ours is the median of alternating runs; the peer's is the better median of its defaults and of `-W -m 16`. Both read
# from the page cache and leave the writing to it (ours --durability none, the peer's default cache mode).
#   CLOUDIMAGE    the executable; published by publish.sh into DIR where it is not named
#   RUNS          runs of each command (5)
#   ROWS          names of the rows to run, separated by blanks (all)
#   RESULTS       where the table is also written (benchmarks/peers/results/convert.md)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
runs=${RUNS:-5}
results=${RESULTS:-$here/results/convert.md}
if [ $# -gt 0 ]; then mkdir -p "$1"; dir=$(cd "$1" && pwd); else dir=$(mktemp -d /var/tmp/cloudimage-convert.XXXXXX); trap 'rm -rf "$dir"' EXIT; fi
for tool in qemu-img qemu-io hyperfine jq /usr/bin/time; do
    command -v "$tool" >/dev/null || { echo "convert.sh: $tool is not installed" >&2; exit 2; }
done
if [ ! -f "$dir/v2.raw" ]; then
    make=$here/../../../shared/tools/make-images.sh
    [ -x "$make" ] || { echo "convert.sh: no $dir/v2.raw, and no $make to make it" >&2; exit 2; }
    "$make" "$dir"
fi
tool=${CLOUDIMAGE:-$dir/bin/cloudimage}
[ -x "$tool" ] || "$here/publish.sh" "$dir/bin"
work=$dir/work
rm -rf "$work"; mkdir -p "$work"
trap 'rm -rf "$work"; [ $# -gt 0 ] || rm -rf "$dir"' EXIT

# The sources are made by qemu-img, so that neither side reads its own writing alone.
make_source() { # NAME FORMAT [OPTION...]
    [ -f "$dir/src.$1" ] || { qemu-img convert -O "$2" "${@:3}" "$dir/v2.raw" "$dir/src.$1.part"; mv "$dir/src.$1.part" "$dir/src.$1"; }
}
make_source qcow2 qcow2
make_source zlib.qcow2 qcow2 -c
make_source zstd.qcow2 qcow2 -c -o compression_type=zstd
make_source vhdx vhdx
make_source vhd vpc -o subformat=dynamic,force_size=on
make_source vmdk vmdk
make_source stream.vmdk vmdk -o subformat=streamOptimized
if [ ! -f "$dir/src.fragmented.qcow2" ]; then
    # 100 GiB with 20000 clusters apart from one another, written in random order.
    qemu-img create -q -f qcow2 "$dir/src.fragmented.qcow2.part" 100G
    # Numbers as text: some awks print no integer above 2^31.
    awk 'BEGIN { srand(7); for (i = 0; i < 20000; i++) printf "%.9f %.0f\n", rand(), i * 81 * 65536 }' | sort -n |
        awk '{ printf "write -q -P 85 %s 65536\n", $2 }' | qemu-io -f qcow2 "$dir/src.fragmented.qcow2.part" >/dev/null
    mv "$dir/src.fragmented.qcow2.part" "$dir/src.fragmented.qcow2"
fi

peak() { # KIB of the largest resident set of a command
    /usr/bin/time -f %M -o "$work/peak" "$@" >/dev/null 2>"$work/err" || { cat "$work/err" >&2; return 1; }
    tail -1 "$work/peak"
}
# Wall-clock seconds and, which other work on the machine disturbs less, processor seconds of a run.
wall() { jq -r '.results[0].median' "$1"; }
cpu() { jq -r '.results[0] | .user + .system' "$1"; }
# In a virtual machine the host hands memory out at its first touch, at several microseconds a page, and takes it back after a while: who happens to run
# first would pay for all. Every timed command, ours and the peer's, therefore finds memory that was used a moment ago.
cat >"$work/prepare" <<PREPARE
#!/bin/sh
rm -f "\$1"
dd if=/dev/zero of="$work/warm" bs=1M count="${WARM_MIB:-1500}" status=none
rm -f "$work/warm"
PREPARE
chmod +x "$work/prepare"
# Runs the three commands by turns, one run each, and leaves all their times in files.
alternate() { # OURS PEER PEER_PARALLEL
    local round name
    for name in ours peer parallel; do : >"$work/$name.t"; : >"$work/$name.c"; done
    for round in $(seq 0 "$runs"); do
        for name in ours peer parallel; do
            local command; case $name in ours) command=$1 ;; peer) command=$2 ;; parallel) command=$3 ;; esac
            [ -n "$command" ] || continue
            hyperfine -N --style none --runs 1 --prepare "$work/prepare $work/out.$name" --export-json "$work/one.json" "$command" >/dev/null
            # The first round warms the caches.
            [ "$round" = 0 ] || { wall "$work/one.json" >>"$work/$name.t"; cpu "$work/one.json" >>"$work/$name.c"; }
        done
    done
}
middle() { sort -n "$1" | awk '{ a[NR] = $1 } END { if (NR) print (NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2) }'; }

mkdir -p "$(dirname "$results")"
{
    echo "# cloudimage against qemu-img"
    echo
    echo "$(date -u +%Y-%m-%d), $(nproc) processors ($(awk -F': ' '/model name/ { print $2; exit }' /proc/cpuinfo)), $(uname -r), $(qemu-img --version | head -1),"
    echo "$runs alternating runs each, hot cache, no flush on either side; load average at the start $(cut -d' ' -f1 /proc/loadavg). Ratio below 1: ours is faster."
    echo "The target is the ratio of time asked for. The peer's processor time is that of its defaults."
    echo
    echo "| pair | ours s | qemu-img s | ratio | target | our CPU s | its CPU s | CPU ratio | our size | its size | size ratio | our peak MiB | its peak MiB |"
    echo "|---|---|---|---|---|---|---|---|---|---|---|---|---|"
} | tee "$results"

row() { # NAME TARGET OURS PEER PARALLEL
    [ -z "${ROWS:-}" ] || [[ " $ROWS " == *" $1 "* ]] || return 0
    rm -f "$work"/out.*
    alternate "$3" "$4" "$5"
    local ours peer parallel sizes=" -  | - | - "
    ours=$(middle "$work/ours.t"); peer=$(middle "$work/peer.t"); parallel=$(middle "$work/parallel.t")
    peer=$(printf '%s\n' "$peer" $parallel | sort -n | head -1)
    local our_cpu its_cpu our_size its_size
    our_cpu=$(middle "$work/ours.c"); its_cpu=$(middle "$work/peer.c")
    our_size=$(stat -c %s "$work/out.ours" 2>/dev/null || true); its_size=$(stat -c %s "$work/out.peer" 2>/dev/null || true)
    if [ -n "$our_size" ] && [ -n "$its_size" ]; then
        sizes="$our_size | $its_size | $(awk "BEGIN { printf \"%.3f\", $our_size / $its_size }")"
    fi
    rm -f "$work"/out.*
    local our_peak its_peak
    our_peak=$(peak $3); its_peak=$(peak $4)
    rm -f "$work"/out.*
    printf '| %s | %.3f | %.3f | %.2f | %s | %.2f | %.2f | %.2f | %s | %.0f | %.0f |\n' "$1" "$ours" "$peer" "$(awk "BEGIN { print $ours / $peer }")" "$2" \
        "$our_cpu" "$its_cpu" "$(awk "BEGIN { print $our_cpu / $its_cpu }")" "$sizes" \
        "$(awk "BEGIN { print $our_peak / 1024 }")" "$(awk "BEGIN { print $its_peak / 1024 }")" | tee -a "$results"
}
convert() { # NAME TARGET SOURCE FORMAT_OF_SOURCE OUR_TARGET OUR_OPTIONS PEER_TARGET PEER_OPTIONS
    row "$1" "$2" "$tool convert $3 $work/out.ours --from ${4/vpc/vhd} --to $5 --durability none $6" \
        "qemu-img convert -f $4 -O $7 $8 $3 $work/out.peer" "qemu-img convert -W -m 16 -f $4 -O $7 $8 $3 $work/out.parallel"
}
v2=$dir/v2.raw
convert raw-to-qcow2 0.9 "$v2" raw qcow2 "" qcow2 ""
convert qcow2-to-raw 0.9 "$dir/src.qcow2" qcow2 raw "" raw ""
convert raw-to-vhdx 0.6 "$v2" raw vhdx "" vhdx ""
convert raw-to-vhd 0.5 "$v2" raw vhd "--option subformat=dynamic --option force_size=on" vpc "-o subformat=dynamic,force_size=on"
convert raw-to-vmdk 0.3 "$v2" raw vmdk "" vmdk ""
convert raw-to-vdi 0.3 "$v2" raw vdi "" vdi ""
convert vhdx-to-raw 0.85 "$dir/src.vhdx" vhdx raw "" raw ""
convert vhd-to-raw 0.85 "$dir/src.vhd" vpc raw "" raw ""
convert vmdk-to-raw 0.3 "$dir/src.vmdk" vmdk raw "" raw ""
convert raw-to-stream-vmdk 0.15 "$v2" raw vmdk "--option subformat=streamOptimized" vmdk "-o subformat=streamOptimized"
convert raw-to-qcow2-zlib 0.33 "$v2" raw qcow2 "--compression zlib" qcow2 "-c"
convert raw-to-qcow2-zstd 0.6 "$v2" raw qcow2 "--compression zstd" qcow2 "-c -o compression_type=zstd"
convert stream-vmdk-to-raw 0.25 "$dir/src.stream.vmdk" vmdk raw "" raw ""
convert qcow2-zlib-to-raw 0.35 "$dir/src.zlib.qcow2" qcow2 raw "" raw ""
convert qcow2-zstd-to-raw 0.5 "$dir/src.zstd.qcow2" qcow2 raw "" raw ""
row compare-raw-qcow2 0.9 "$tool compare $v2 $dir/src.qcow2" "qemu-img compare -f raw -F qcow2 $v2 $dir/src.qcow2" ""
row map-fragmented-qcow2 0.5 "$tool map $dir/src.fragmented.qcow2 --json" "qemu-img map -f qcow2 --output=json $dir/src.fragmented.qcow2" ""
