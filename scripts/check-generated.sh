#!/bin/sh
# Generated files must be what the generators make: runs them, and fails when that changes anything.
set -eu
cd "$(dirname "$0")/.."
npm run --silent gen >/dev/null
git diff --exit-code --stat -- 'src/uapi/*.gen.ts' examples/captures docs/reference
new=$(git ls-files --others --exclude-standard docs/reference)
[ -z "$new" ] || { echo "not committed: $new" >&2; exit 1; }
