# What the comparisons with backup tools share; repository.sh and lifecycle.sh source it.

# begin NAME WORK NEEDED [DIR]: sets dir, work, tool and peers. NEEDED are commands, separated by blanks; DIR is kept, a temporary folder is not.
begin() {
    name=$1
    local command
    for command in $3; do
        command -v "$command" >/dev/null || { echo "$name.sh: $command is not installed" >&2; exit 2; }
    done
    if [ $# -gt 3 ]; then
        mkdir -p "$4"; dir=$(cd "$4" && pwd); keep=1
    else
        dir=$(mktemp -d "/var/tmp/cloudimage-$name.XXXXXX"); keep=0
    fi
    tool=${CLOUDIMAGE:-$dir/bin/cloudimage}
    [ -x "$tool" ] || "$here/publish.sh" "$dir/bin"
    peers=""
    for command in ${PEERS:-borg restic casync}; do
        command -v "$command" >/dev/null && peers="$peers $command"
    done
    work=$dir/$2
    rm -rf "$work"; mkdir -p "$work"
    trap 'rm -rf "$work"; [ $keep = 1 ] || rm -rf "$dir"' EXIT
    export BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes BORG_RELOCATED_REPO_ACCESS_IS_OK=yes BORG_BASE_DIR=$work/borg-home
    export RESTIC_PASSWORD=benchmark RESTIC_FROM_PASSWORD=benchmark RESTIC_CACHE_DIR=$work/restic-cache
}
# In a virtual machine the host hands memory out at its first touch, at several microseconds a page, and takes it back after a while: who happens to run
# first would pay for all. Every timed command, ours and the peers', therefore finds memory that was used a moment ago.
warm() { dd if=/dev/zero of="$work/warm" bs=1M count="${WARM_MIB:-1500}" status=none; rm -f "$work/warm"; }
# run NAME COMMAND...: appends "seconds kilobytes" to $work/NAME.t and leaves what it printed in $work/last.log.
run() {
    local run=$1; shift
    warm
    /usr/bin/time -f '%e %M' -o "$work/last.t" "$@" > "$work/last.log" 2>&1 || { echo "$name.sh: $run failed:" >&2; tail -5 "$work/last.log" >&2; exit 2; }
    tail -1 "$work/last.t" >> "$work/$run.t"
}
# The middle of a command's times; - where it did not run.
median() {
    [ -f "$work/$1.t" ] || { echo -; return; }
    cut -d' ' -f1 "$work/$1.t" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
bytes() { du -sb --apparent-size "$1" | cut -f1; }
# A field of the JSON that the last command printed.
field() { sed -n "s/.*\"$1\": *\"\{0,1\}\([0-9a-f.]*\)\"\{0,1\}.*/\1/p" "$work/last.log" | head -1; }
machine() { echo "$(nproc) processors,$(awk -F: '/model name/ { print $2; exit }' /proc/cpuinfo), load at the end $(cut -d' ' -f1 /proc/loadavg)"; }
versions_of_peers() {
    local peer
    for peer in $peers; do case $peer in casync) echo "- $(casync --version | head -1)";; restic) echo "- $(restic version)";; *) echo "- $(borg --version)";; esac; done
}
# verdict VALUE LIMIT: whether a value keeps within its limit.
verdict() { awk -v v="$1" -v l="$2" 'BEGIN { print v <= l ? "met" : "missed" }'; }
