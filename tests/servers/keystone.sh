#!/usr/bin/env bash
# The identity service of OpenStack: Debian's Keystone with a database of SQLite and Fernet tokens, and Glance beside it that takes them.
#   keystone.sh FOLDER PORT     prints auth=, endpoint= (Glance), user=, password=, project=, credential_id=, credential_secret=, then "ready"
# Ends when its standard input ends.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(cd "$1" && pwd)
port=$2
pids=()
end() {
    exec 8>&- 2>/dev/null || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
}
trap end EXIT
trap 'exit 1' TERM INT

glance_port=$(python3 -c 'import socket; print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])')
user=$(id -un)
group=$(id -gn)
auth=http://127.0.0.1:$port
mkdir -p "$folder"/keys "$folder"/credential-keys "$folder"/glance
cat > "$folder/keystone.conf" <<C
[DEFAULT]
log_file = $folder/keystone.log
[database]
connection = sqlite:///$folder/keystone.sqlite
[token]
provider = fernet
expiration = ${CLOUDIMAGE_TOKEN_SECONDS:-3600}
[fernet_tokens]
key_repository = $folder/keys
[fernet_receipts]
key_repository = $folder/keys
[credential]
key_repository = $folder/credential-keys
[catalog]
driver = templated
template_file = $folder/catalog
C
# The catalog names Glance twice, in two regions, so that a choice is a choice: the other region's is nowhere.
cat > "$folder/catalog" <<C
catalog.RegionOne.identity.name = Keystone
catalog.RegionOne.identity.publicURL = $auth/v3
catalog.RegionOne.identity.internalURL = $auth/v3
catalog.RegionOne.identity.adminURL = $auth/v3
catalog.RegionOne.image.name = Glance
catalog.RegionOne.image.publicURL = http://127.0.0.1:$glance_port
catalog.RegionOne.image.internalURL = http://127.0.0.1:2
catalog.RegionNowhere.image.name = Glance
catalog.RegionNowhere.image.publicURL = http://127.0.0.1:1
C
chmod 700 "$folder/keys" "$folder/credential-keys"
manage() { keystone-manage --config-file "$folder/keystone.conf" "$@" >> "$folder/manage.log" 2>&1 || { cat "$folder/manage.log" >&2; exit 1; }; }
manage db_sync
manage fernet_setup --keystone-user "$user" --keystone-group "$group"
manage credential_setup --keystone-user "$user" --keystone-group "$group"
manage bootstrap --bootstrap-password admin-secret

# The application's script serves one request at a time, which is enough here and needs nothing beyond Keystone itself.
OS_KEYSTONE_CONFIG_DIR=$folder keystone-wsgi-public --host 127.0.0.1 --port "$port" -- --config-file "$folder/keystone.conf" < /dev/null > "$folder/out.log" 2>&1 &
pids+=($!)

token_of() { # BODY: the token that a request for one gives
    curl -fs -D - -o /dev/null -H 'Content-Type: application/json' -d "$1" "$auth/v3/auth/tokens" | tr -d '\r' | sed -n 's/^[Xx]-[Ss]ubject-[Tt]oken: //p'
}
password='{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","domain":{"id":"default"},"password":"admin-secret"}}},"scope":{"project":{"name":"admin","domain":{"id":"default"}}}}}'
token=
for _ in $(seq 120); do
    token=$(token_of "$password" || true)
    [ -n "$token" ] && break
    kill -0 "${pids[0]}" 2>/dev/null || break
    sleep 0.5
done
[ -n "$token" ] || { echo "Keystone gave no token:" >&2; tail -n 30 "$folder"/*.log >&2; exit 1; }

member() { python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1:]: value = value[name]
print(value)' "$@"; }

user_id=$(curl -fs -H "X-Auth-Token: $token" -H "X-Subject-Token: $token" "$auth/v3/auth/tokens" | member token user id)
# A database of SQLite may be locked by a request that has just ended.
credential=
for _ in $(seq 20); do
    credential=$(curl -fs -H "X-Auth-Token: $token" -H 'Content-Type: application/json' -d '{"application_credential":{"name":"tests","secret":"credential-secret"}}' \
        "$auth/v3/users/$user_id/application_credentials") && break
    sleep 0.5
done
[ -n "$credential" ] || { echo "Keystone made no application credential:" >&2; tail -n 30 "$folder/keystone.log" "$folder/out.log" >&2; exit 1; }

# Glance ends with the pipe that it reads, which this script holds.
mkfifo "$folder/hold"
bash "$here/glance.sh" "$folder/glance" "$glance_port" "$auth" < "$folder/hold" > "$folder/glance.out" 2> "$folder/glance.err" &
pids+=($!)
exec 8> "$folder/hold"
for _ in $(seq 120); do
    grep -q '^ready$' "$folder/glance.out" && break
    kill -0 "${pids[1]}" 2>/dev/null || break
    sleep 0.5
done
grep -q '^ready$' "$folder/glance.out" || { echo "Glance did not start:" >&2; cat "$folder/glance.err" >&2; exit 1; }
echo "auth=$auth"
sed -n '/^endpoint=/p' "$folder/glance.out"
echo "user=admin"
echo "password=admin-secret"
echo "project=admin"
echo "user_id=$user_id"
echo "credential_id=$(member application_credential id <<< "$credential")"
echo "credential_secret=credential-secret"
echo "ready"
cat > /dev/null
exit 0
