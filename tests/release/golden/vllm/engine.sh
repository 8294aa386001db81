#!/bin/sh
# Runs one release of zephyr; started by systemd with the release's id and its ports in the environment.
# Host network and loopback: Docker's own proxy would accept connections before the engine listens, and what waits in
# front of it could not tell. Nothing secret is in the environment or the arguments: `docker inspect` shows both.
set -eu
release=$1
here=$(dirname "$(readlink -f "$0")")
container=zephyr-zephyr-$release

# With live-restore a container outlives a restart of Docker's daemon, unless it has --rm; only its client ends.
running=$(docker inspect --type container \
    --format '{{.State.Running}} {{index .Config.Labels "zephyr-deploy.port"}}' "$container" 2>/dev/null) || running=
if [ "$running" = "true $ZEPHYR_PORT" ]; then
    exec docker attach --no-stdin "$container"
fi
docker rm --force "$container" >/dev/null 2>&1 || true
exec docker run --name "$container" --init=false \
    --label zephyr-deploy.name=zephyr --label "zephyr-deploy.release=$release" \
    --label "zephyr-deploy.port=$ZEPHYR_PORT" \
    --network host --shm-size 8g --stop-timeout 100 \
    --gpus 1 \
    --env-file "$here/engine.env" \
    --volume /var/lib/zephyr-deploy/data:/data --volume "$here:/release:ro" \
    vllm/vllm-openai@sha256:e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1 \
    --model \
    HuggingFaceH4/zephyr-7b-beta \
    --served-model-name \
    HuggingFaceH4/zephyr-7b-beta \
    tgi \
    dummy \
    --revision \
    c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0 \
    --tensor-parallel-size \
    1 \
    --max-model-len \
    4096 \
    --max-num-batched-tokens \
    2048 \
    --max-num-seqs \
    256 \
    --chat-template \
    /release/chat_template.jinja \
    --host \
    127.0.0.1 \
    --shutdown-timeout \
    90 \
    --chat-template-kwargs \
    'a b $HOME `id` "x" '"'"'y'"'"' \ %i %% ü€ #;&|<>*?~!{}' \
    --port "$ZEPHYR_PORT"
