#!/usr/bin/env bash
# One-node Ceph with its object gateway: a real S3 server, objects in memory, one replica.
#   rgw.sh FOLDER PORT
# Tells endpoint, access, secret and the command that administers users. RGW_BYTES is how much it holds (4 GiB).
set -euo pipefail
[ $# = 2 ] || { echo "usage: rgw.sh FOLDER PORT" >&2; exit 2; }
folder=$(mkdir -p "$1" && cd "$1" && pwd)
port=$2
mkdir -p "$folder"/{mon,mgr,osd,log,run}
export CEPH_CONF=$folder/ceph.conf CEPH_ARGS=
running=()

# The daemons stay in the foreground of a job each, so that their ids are known from the start.
end() {
    trap - EXIT
    local id
    for id in "${running[@]}"; do kill "$id" 2>/dev/null || true; done
    for id in "${running[@]}"; do wait "$id" 2>/dev/null || true; done
}
trap end EXIT
trap 'exit 1' INT TERM
serve() { # NAME COMMAND...
    local log=$folder/log/$1.out; shift
    "$@" < /dev/null > "$log" 2>&1 &
    running+=($!)
}
fail() { echo "rgw.sh: $1" >&2; tail -n 20 "$folder"/log/*.out >&2 || true; exit 1; }

# Two free ports for the monitor, one beside the other: the kernel is asked for one, and its neighbour is tried.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
monitor=$(free_port)
identity=$(cat /proc/sys/kernel/random/uuid)
cat > "$CEPH_CONF" <<CONF
[global]
fsid = $identity
mon_host = [v2:127.0.0.1:$monitor]
ms_bind_msgr1 = false
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
run_dir = $folder/run
log_file = $folder/log/\$name.log
admin_socket = $folder/run/\$name.asok
keyring = $folder/keyring
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pgp_num = 8
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
[mon.a]
mon_data = $folder/mon
mon_data_avail_crit = 0
mon_data_avail_warn = 0
[mgr.x]
mgr_data = $folder/mgr
[osd.0]
osd_data = $folder/osd
osd_objectstore = memstore
memstore_device_bytes = ${RGW_BYTES:-4294967296}
[client.rgw.a]
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_enable_usage_log = false
CONF
keys=$folder/keyring
{
    ceph-authtool --create-keyring "$keys"
    ceph-authtool "$keys" --gen-key -n mon. --cap mon 'allow *'
    ceph-authtool "$keys" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
    ceph-authtool "$keys" --gen-key -n mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *'
    ceph-authtool "$keys" --gen-key -n osd.0 --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
    ceph-authtool "$keys" --gen-key -n client.rgw.a --cap mon 'allow rw' --cap osd 'allow rwx' --cap mgr 'allow rw'
    monmaptool --create --clobber --fsid "$identity" --addv a "[v2:127.0.0.1:$monitor]" "$folder/monmap"
    ceph-mon -i a --mkfs --monmap "$folder/monmap" --keyring "$keys"
} > "$folder/log/make.out" 2>&1 || fail "the monitor could not be made"
serve mon ceph-mon -f -i a
serve mgr ceph-mgr -f -i x
disk=$(cat /proc/sys/kernel/random/uuid)
{
    timeout 60 ceph osd new "$disk" 0
    ceph-osd -i 0 --mkfs --osd-uuid "$disk"
    timeout 60 ceph osd crush add osd.0 1 root=default
} >> "$folder/log/make.out" 2>&1 || fail "the disk could not be made"
serve osd ceph-osd -f -i 0
serve gateway radosgw -f -n client.rgw.a
answers=
for _ in $(seq 240); do
    if curl -fs "http://127.0.0.1:$port/" > /dev/null; then answers=1; break; fi
    sleep 0.25
done
[ -n "$answers" ] || fail "the gateway does not answer"
timeout 60 radosgw-admin user create --uid test --display-name test --access-key TESTKEY --secret-key TESTSECRET > "$folder/log/user.out" 2>&1 || fail "the user could not be made"
echo "endpoint=http://127.0.0.1:$port"
echo "access=TESTKEY"
echo "secret=TESTSECRET"
echo "conf=$CEPH_CONF"
echo ready
cat > /dev/null
