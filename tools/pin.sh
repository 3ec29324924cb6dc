#!/bin/sh
# Pin every requirement with the hashes of all its files: requirements/*.in -> requirements/*.txt.
# A pin that is already there stays; `tools/pin.sh --upgrade` moves all, `-P NAME` moves one.
set -eu
cd "$(dirname "$0")/../requirements"

tool=../.venv-pin
[ -x "$tool/bin/pip-compile" ] || { "${PYTHON:-python3}" -m venv "$tool" && "$tool/bin/pip" install --quiet pip-tools; }

for name in build run test bench glqiwi pyqiwip2p; do
    echo "pin $name"
    "$tool/bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
        --output-file "$name.txt" "$@" "$name.in"
    sed -i -e '/^--/d' -e '/./,$!d' "$name.txt" # where the files came from is the machine's business, not the project's
done
