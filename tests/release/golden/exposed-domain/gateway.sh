#!/bin/sh
# Runs Caddy in front of zephyr. The key is in a file for root alone in memory; after a boot it is unsealed there.
set -eu
run=/run/zephyr-deploy/zephyr
home=/opt/zephyr-deploy/zephyr
container=zephyr-zephyr-gateway
image=caddy@sha256:cacacacacacacacacacacacacacacacacacacacacacacacacacacacacacacaca

mkdir -p "$run" "$home/caddy"
chmod 700 "$run" "$home/caddy"
if [ ! -s "$run/api_key" ]; then
    umask 077
    if ! systemd-creds decrypt --name=api_key "$home/api_key.cred" "$run/api_key.part"; then
        echo "the API key was lost with the last boot: run 'zephyr-deploy up', which sends it again" >&2
        exit 78
    fi
    mv "$run/api_key.part" "$run/api_key"
fi

# With live-restore a container outlives a restart of Docker's daemon, unless it has --rm; only its client ends.
running=$(docker inspect --type container --format '{{.State.Running}} {{.Config.Image}}' "$container" 2>/dev/null) || running=
if [ "$running" = "true $image" ] && [ -S "$run/admin.sock" ]; then
    exec docker attach --no-stdin "$container"
fi
rm -f "$run/admin.sock"
docker rm --force "$container" >/dev/null 2>&1 || true
exec docker run --name "$container" --network host --stop-timeout 190 \
    --label zephyr-deploy.name=zephyr \
    --volume "$home/gateway:/etc/caddy:ro" --volume "$run:/run/zephyr" --volume "$home/caddy:/data" \
    "$image" \
    caddy run --config /etc/caddy/Caddyfile --adapter caddyfile
