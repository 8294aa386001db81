#!/bin/sh
# Runs Caddy in front of zephyr.
set -eu
run=/run/zephyr-deploy/zephyr
home=/opt/zephyr-deploy/zephyr
container=zephyr-zephyr-gateway
image=caddy@sha256:cacacacacacacacacacacacacacacacacacacacacacacacacacacacacacacaca

mkdir -p "$run" "$home/caddy"
chmod 700 "$run" "$home/caddy"

# With live-restore a container outlives a restart of Docker's daemon, unless it has --rm; only its client ends.
running=$(docker inspect --type container --format '{{.State.Running}} {{.Config.Image}}' "$container" 2>/dev/null) || running=
if [ "$running" = "true $image" ] && [ -S "$run/admin.sock" ]; then
    exec docker attach --no-stdin "$container"
fi
rm -f "$run/admin.sock"
docker rm --force "$container" >/dev/null 2>&1 || true
exec docker run --name "$container" --network host --stop-timeout 100 \
    --label zephyr-deploy.name=zephyr \
    --volume "$home/gateway:/etc/caddy:ro" --volume "$run:/run/zephyr" --volume "$home/caddy:/data" \
    "$image" \
    caddy run --config /etc/caddy/Caddyfile --adapter caddyfile
