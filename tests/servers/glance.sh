#!/usr/bin/env bash
# The image service of OpenStack: Debian's Glance with a store of files and a database of SQLite.
#   glance.sh FOLDER PORT [KEYSTONE]     prints endpoint=, then "ready"; ends when its standard input ends
# With the address of a Keystone it takes that one's tokens only; without, it asks for none.
set -euo pipefail
folder=$(cd "$1" && pwd)
port=$2
keystone=${3:-}
server=
end() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
}
trap end EXIT
trap 'exit 1' TERM INT

mkdir -p "$folder"/images "$folder"/stage "$folder"/tasks
cat > "$folder/glance-api.conf" <<C
[DEFAULT]
bind_host = 127.0.0.1
bind_port = $port
workers = 0
enabled_backends = files:file
show_multiple_locations = false
log_file = $folder/glance.log
[database]
connection = sqlite:///$folder/glance.sqlite
[glance_store]
default_backend = files
[files]
filesystem_store_datadir = $folder/images
[os_glance_staging_store]
filesystem_store_datadir = $folder/stage
[os_glance_tasks_store]
filesystem_store_datadir = $folder/tasks
[paste_deploy]
flavor = ${keystone:+keystone}
config_file = /usr/share/glance-common/glance-api-paste.ini
C
if [ -n "$keystone" ]; then
    cat >> "$folder/glance-api.conf" <<C
[keystone_authtoken]
www_authenticate_uri = $keystone
auth_url = $keystone
auth_type = password
username = admin
password = admin-secret
project_name = admin
user_domain_id = default
project_domain_id = default
C
fi
glance-manage --config-file "$folder/glance-api.conf" db_sync > "$folder/database.log" 2>&1 || { cat "$folder/database.log" >&2; exit 1; }
glance-api --config-file "$folder/glance-api.conf" < /dev/null > "$folder/out.log" 2>&1 &
server=$!
for _ in $(seq 120); do
    # Without a token it answers 401 where it asks for one: it is up all the same.
    status=$(curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/v2/images" || true)
    if [ "$status" = 200 ] || [ "$status" = 401 ]; then
        echo "endpoint=http://127.0.0.1:$port"
        echo "ready"
        cat > /dev/null
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.5
done
echo "Glance did not answer:" >&2
tail -n 30 "$folder"/*.log >&2
exit 1
