#!/usr/bin/env bash
# Creates the virtual environment $1, unless it works already, with the first Python 3.10+ that can make one.
set -euo pipefail
folder="$1"
probe='import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))'

if "$folder/bin/python" -c "$probe; import pip" >/dev/null 2>&1; then
    exit 0
fi
for python in "${PYTHON3:-python3}" python3.13 python3.12 python3.11 python3.10; do
    if "$python" -c "$probe" >/dev/null 2>&1; then
        rm -rf "$folder"
        exec "$python" -m venv "$folder"
    fi
done
echo "Python 3.10 or newer, with venv and ensurepip, is needed (Debian: apt-get install python3 python3-venv)." >&2
echo "Found none among: ${PYTHON3:-python3} python3.13 python3.12 python3.11 python3.10. Set PYTHON3=/path/to/python." >&2
exit 1
