#!/usr/bin/env bash
# Object storage of OpenStack: Debian's Swift with one copy of everything, TempAuth, and memcached for its tokens.
#   swift.sh FOLDER PORT     prints endpoint=, auth=, user=, key=, then "ready"; ends when its standard input ends
# FOLDER must lie on a file system with extended attributes: where TMPDIR has none, the devices go to /var/tmp.
set -euo pipefail
folder=$(cd "$1" && pwd)
port=$2
pids=()
devices=$folder/devices
mkdir -p "$devices"
has_attributes() { python3 -c 'import os, sys
path = os.path.join(sys.argv[1], "probe"); open(path, "w").close(); os.setxattr(path, "user.swift", b"1" * 1000)' "$1" 2>/dev/null; }
if ! has_attributes "$devices"; then
    devices=$(mktemp -d /var/tmp/cloudimage-swift.XXXXXX)
    has_attributes "$devices" || { echo "neither $folder nor /var/tmp keeps extended attributes, which Swift needs" >&2; exit 1; }
fi

end() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
    case "$devices" in /var/tmp/cloudimage-swift.*) rm -rf "$devices" ;; esac
}
trap end EXIT
trap 'exit 1' TERM INT

# Ports that are free now; the sockets are held together, so that no two are the same.
read -r account_port container_port object_port memcache_port < <(python3 -c 'import socket
held = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*[one.getsockname()[1] for one in held])')

mkdir -p "$devices/d1" "$folder/cache"
user=$(id -un)
cat > "$folder/swift.conf" <<C
[swift-hash]
swift_hash_path_suffix = cloudimage
swift_hash_path_prefix = tests
[storage-policy:0]
name = one
default = yes
C
common="swift_dir = $folder
bind_ip = 127.0.0.1
workers = 0
user = $user
log_level = WARNING
log_address = $folder/no-syslog
log_udp_host ="
for kind in account container object; do
    kind_port=${kind}_port
    cat > "$folder/$kind-server.conf" <<C
[DEFAULT]
$common
bind_port = ${!kind_port}
devices = $devices
mount_check = false
recon_cache_path = $folder/cache
# A busy machine may take long to list an object; the object's server waits for it, so that listings do not lag here.
container_update_timeout = 60
[pipeline:main]
pipeline = $kind-server
[app:$kind-server]
use = egg:swift#$kind
allow_open_expired = false
[$kind-replicator]
[container-updater]
[object-updater]
C
    (cd "$folder" && swift-ring-builder "$kind.builder" create 6 1 1 && swift-ring-builder "$kind.builder" add "r1z1-127.0.0.1:${!kind_port}/d1" 1 \
        && swift-ring-builder "$kind.builder" rebalance) > "$folder/$kind.ring.log" 2>&1
done
cat > "$folder/proxy-server.conf" <<C
[DEFAULT]
$common
bind_port = $port
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging cache bulk tempauth slo dlo proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
node_timeout = 60
client_timeout = 10
recoverable_node_timeout = 60
conn_timeout = 10
error_suppression_limit = 1000000
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:$memcache_port
[filter:bulk]
use = egg:swift#bulk
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
C
memcached -l 127.0.0.1 -p "$memcache_port" -U 0 -m 16 -u "$user" < /dev/null > "$folder/memcached.log" 2>&1 &
pids+=($!)
for kind in account container object; do
    "swift-$kind-server" "$folder/$kind-server.conf" < /dev/null > "$folder/$kind.log" 2>&1 &
    pids+=($!)
done
swift-proxy-server "$folder/proxy-server.conf" < /dev/null > "$folder/proxy.log" 2>&1 &
pids+=($!)

answers() { curl -fs -o /dev/null -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' "http://127.0.0.1:$port/auth/v1.0"; }
usable() {
    local token
    token=$(curl -fs -D - -o /dev/null -H 'X-Auth-User: test:tester' -H 'X-Auth-Key: testing' "http://127.0.0.1:$port/auth/v1.0" \
        | tr -d '\r' | sed -n 's/^[Xx]-[Aa]uth-[Tt]oken: //p')
    curl -fs -o /dev/null -X POST -H "X-Auth-Token: $token" "http://127.0.0.1:$port/v1/AUTH_test"
}
for _ in $(seq 120); do
    if answers && usable; then
        echo "endpoint=http://127.0.0.1:$port/v1/AUTH_test"
        echo "auth=http://127.0.0.1:$port/auth/v1.0"
        echo "user=test:tester"
        echo "key=testing"
        echo "ready"
        cat > /dev/null
        exit 0
    fi
    for pid in "${pids[@]}"; do
        kill -0 "$pid" 2>/dev/null || { echo "a server of Swift ended:" >&2; tail -n 20 "$folder"/*.log >&2; exit 1; }
    done
    sleep 0.5
done
echo "Swift did not answer:" >&2
tail -n 20 "$folder"/*.log >&2
exit 1
