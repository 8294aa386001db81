#!/usr/bin/env bash
# Calls zephyr-deploy as the inputs of the action say; what it prints as JSON goes to the file $RESULT.
set -euo pipefail

: >"$RESULT" # an earlier use of the action in this job has left its own there
words=("$COMMAND")
[[ -z $NAME ]] || words+=("$NAME")
case $COMMAND in
  up | redeploy) [[ $LOCKED != true ]] || words+=(--locked) ;;&
  up | redeploy | rollback | down) words+=(--lock-wait "$LOCK_WAIT") ;;
  bench | status | gc) ;;
  render)
    words+=(--diff)
    lock=${CONFIG:-zephyr.toml}
    [[ $LOCKED != true ]] || words+=(--lock "${lock%.toml}${PROFILE:+.$PROFILE}.lock")
    ;;
  *)
    echo "command: $COMMAND is none of up, redeploy, rollback, down, bench, status and gc." >&2
    exit 2
    ;;
esac
while IFS= read -r line; do
  [[ -z $line ]] || words+=(--fail-if "$line")
done <<<"${GATE:-}"
while IFS= read -r line; do
  [[ -z $line ]] || words+=("$line")
done <<<"${FLAGS:-}"
words+=(--output json --yes)
[[ -z $CONFIG ]] || words+=(--config "$CONFIG")
[[ -z $PROFILE ]] || words+=(--profile "$PROFILE")
[[ -n ${ZEPHYR_GUEST:-} ]] || unset ZEPHYR_GUEST

exec zephyr-deploy "${words[@]}" >"$RESULT"
