#!/bin/sh
# Make sure a command is there: need.sh COMMAND [DEBIAN-PACKAGE]. Installs it on Debian when run as root.
set -eu
command=$1
package=${2:-$1}

command -v "$command" >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing $package"
    export DEBIAN_FRONTEND=noninteractive
    apt-get install -qq -y --no-install-recommends "$package" >/dev/null 2>&1 ||
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$package" >/dev/null; }
    command -v "$command" >/dev/null && exit 0
fi
echo "'$command' is missing; install it first (on Debian: apt-get install $package)" >&2
exit 1
