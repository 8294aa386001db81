#!/usr/bin/env bash
# Writes $FILE into the comment that this has made before, which $MARKER tells from all others; else into a new one.
# Not `gh pr comment --edit-last`: the last comment of the same token may be another workflow's.
set -euo pipefail

comments="repos/$GITHUB_REPOSITORY/issues"
mine='.[] | select(.user.type == "Bot" and (.body | startswith(env.MARKER))) | .id'
id=$(gh api --paginate "$comments/$NUMBER/comments" --jq "$mine" | sed -n 1p)
body=$RUNNER_TEMP/zephyr-deploy-comment.md
{ echo "$MARKER" && cat "$FILE"; } >"$body"
if [[ -n $id ]]; then
  gh api --silent --method PATCH "$comments/comments/$id" --field "body=@$body"
else
  gh api --silent --method POST "$comments/$NUMBER/comments" --field "body=@$body"
fi
