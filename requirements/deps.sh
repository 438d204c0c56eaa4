#!/bin/sh
# Install the packages of debian.txt that are missing. Without the right to do so, say which.
set -eu
cd "$(dirname "$0")"
missing=""
for package in $(grep -v '^#' debian.txt); do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing; install them as root: apt-get install$missing" >&2
    exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
