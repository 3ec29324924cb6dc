#!/bin/sh
# Pin every requirement with the hashes of all its files: requirements/*.in -> requirements/*.txt.
# A pin that is already there stays; `tools/pin.sh --upgrade` moves all, `-P NAME` moves one.
set -eu
cd "$(dirname "$0")/../requirements"

tool=../.venv-pin
[ -x "$tool/bin/pip-compile" ] || { "${PYTHON:-python3}" -m venv "$tool" && "$tool/bin/pip" install --quiet pip-tools; }

for name in build run test bench glqiwi; do
    echo "pin $name"
    "$tool/bin/pip-compile" --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options \
        --output-file "$name.txt" "$@" "$name.in"
done
