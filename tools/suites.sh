#!/bin/bash
# Run the test suites one after the other: suites.sh [NAME...], all of them by default.
# Prints the minutes of each and a closing count. A test that fails or is skipped fails the run.
# The long suites run in two lanes side by side: what needs PostgreSQL, and the rest (tests/conftest.py).
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$logs"' EXIT
passed=0 failed=0

count() { grep -E '^=+ .* in [0-9.]+s' "$log" | tail -1 | grep -oE "[0-9]+ ($1)" | grep -oE '^[0-9]+' || echo 0; }

tally() { # NAME LOG CODE: add what one pytest came to
    local name=$1 log=$2 code=$3 bad left_out
    passed=$((passed + $(count passed)))
    bad=$(($(count failed) + $(count errors?)))
    left_out=$(($(count skipped) + $(count xfailed) + $(count deselected)))
    if [ "$left_out" -gt 0 ]; then
        echo "suite $name: $left_out tests did not run, and every test is required" >&2
        bad=$((bad + left_out))
    fi
    [ "$code" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    failed=$((failed + bad))
}

run() { # NAME PATH...
    local name=$1 code=0 beside=""
    shift
    SECONDS=0
    if [ "$name" = api ] || [ "$name" = fault ]; then
        .venv/bin/python -m pytest --color=no --lane postgres "$@" >"$logs/postgres" 2>&1 &
        beside=$!
        set -- --lane rest "$@"
    fi
    .venv/bin/python -m pytest --color=no "$@" 2>&1 | tee "$logs/rest" || code=$?
    tally "$name" "$logs/rest" "$code"
    if [ -n "$beside" ]; then
        code=0
        wait "$beside" || code=$?
        cat "$logs/postgres"
        tally "$name" "$logs/postgres" "$code"
    fi
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
