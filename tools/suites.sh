#!/bin/bash
# Run the test suites: suites.sh [NAME...], all of them by default; three parts at a time, the longest first.
# api and fault have two parts each: what is tested on PostgreSQL, and the rest (tests/conftest.py).
# Prints each part when it ends, its minutes, and a closing count. A test that fails or is skipped fails the run.
# In a clone where no test has run yet it first installs what they need, as `make test` does.
set -uo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8
unset PYTHONDONTWRITEBYTECODE # hundreds of processes are started, and each would compile the program anew

logs=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$logs"' EXIT

run() { # NAME LANE: run one part and print what it came to; its log and its exit code stay in $logs
    local name=$1 lane=$2 log=$logs/$1.$2 code=0 where=tests/$1 pytest
    [ "$name" != house ] || where=$(echo tests/test_*.py)
    [ "$lane" = all ] || where="--lane $lane $where"
    SECONDS=0
    # shellcheck disable=SC2086  # several words
    .venv/bin/python -m pytest --color=no $where >"$log" 2>&1 &
    pytest=$!
    trap 'kill $pytest 2>/dev/null' TERM
    wait $pytest || code=$?
    echo $code >"$log.code"
    cat "$log"
    awk -v name="$name" -v lane="$lane" -v seconds="$SECONDS" 'BEGIN {
        printf "suite %s%s: %.1f minutes\n", name, lane == "all" ? "" : ", " lane, seconds / 60 }'
}

count() { grep -E '^=+ .* in [0-9.]+s' "$1" | tail -1 | grep -oE "[0-9]+ ($2)" | grep -oE '^[0-9]+' || echo 0; }

[ $# -gt 0 ] || set -- fault api unit clients house property scenarios
[ -e .venv/.test ] || make tests-setup || exit 1
parts=()
for name; do
    [ -d "tests/$name" ] || [ "$name" = house ] || { echo "there is no suite $name" >&2; exit 2; }
    case $name in
        api | fault) parts+=("$name postgres" "$name rest") ;;
        *) parts+=("$name all") ;;
    esac
done

for part in "${parts[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge 3 ]; do wait -n; done
    echo "suite ${part% all}"
    # shellcheck disable=SC2086  # two words
    run $part &
done
wait

passed=0 failed=0
for part in "${parts[@]}"; do
    log=$logs/${part/ /.}
    passed=$((passed + $(count "$log" passed)))
    bad=$(($(count "$log" failed) + $(count "$log" 'errors?')))
    left_out=$(($(count "$log" skipped) + $(count "$log" xfailed) + $(count "$log" deselected)))
    if [ "$left_out" -gt 0 ]; then
        echo "suite $part: $left_out tests did not run, and every test is required" >&2
        bad=$((bad + left_out))
    fi
    [ "$(cat "$log.code")" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    failed=$((failed + bad))
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
