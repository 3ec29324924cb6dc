#!/bin/bash
# Run the test suites one after the other: suites.sh [NAME...], all of them by default.
# Prints the minutes of each and a closing count. A test that fails or is skipped fails the run.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0

count() { grep -E '^=+ .* in [0-9.]+s' "$log" | tail -1 | grep -oE "[0-9]+ ($1)" | grep -oE '^[0-9]+' || echo 0; }

run() { # NAME PATH...
    local name=$1 code=0 bad left_out
    shift
    SECONDS=0
    .venv/bin/python -m pytest --color=no "$@" 2>&1 | tee "$log" || code=$?
    passed=$((passed + $(count passed)))
    bad=$(($(count failed) + $(count errors?)))
    left_out=$(($(count skipped) + $(count xfailed) + $(count deselected)))
    if [ "$left_out" -gt 0 ]; then
        echo "suite $name: $left_out tests did not run, and every test is required" >&2
        bad=$((bad + left_out))
    fi
    [ "$code" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    failed=$((failed + bad))
    awk -v name="$name" -v seconds="$SECONDS" 'BEGIN { printf "suite %s: %.1f minutes\n", name, seconds / 60 }'
}

[ $# -gt 0 ] || for name in house unit property scenarios api clients fault; do
    [ "$name" != house ] && [ ! -d "tests/$name" ] || set -- "$@" "$name"
done
for name; do
    if [ "$name" = house ]; then run house tests/test_*.py; else run "$name" "tests/$name"; fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
