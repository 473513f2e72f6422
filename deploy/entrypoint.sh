#!/bin/sh
# Runs its arguments, with the variables that `helio demo` wrote where the demo runs.
set -eu
file=${HELIO_ENVIRONMENT_FILE:-/var/lib/heliograph/environment}
if [ -r "$file" ]; then
    set -a
    . "$file"
    set +a
fi
exec "$@"
