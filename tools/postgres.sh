#!/bin/sh
# Make sure the tests find a PostgreSQL: Debian's, installed when run as root; else the wheel of the test requirements.
set -eu
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 && exit 0
command -v postgres >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing postgresql"
    export DEBIAN_FRONTEND=noninteractive
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf # its programs are all we want
    apt-get install -qq -y --no-install-recommends postgresql >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql >/dev/null 2>&1; } ||
        echo "Debian's PostgreSQL cannot be installed; the tests take the wheel's" >&2
fi
