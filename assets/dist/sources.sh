#!/usr/bin/env bash
# Fetches the source packages of this Debian release: `sources.sh OUT NAME=VERSION ...`.
# apt checks the signatures; the lists of the system stay as they are.
set -euo pipefail
fail() { printf 'dist: %s\n' "$*" >&2; exit 1; }

mkdir -p "$1"
out=$(cd "$1" && pwd)
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial"
. /etc/os-release
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ "${ID:-}" = debian ] && [ -f "$keys" ] || fail "a download is built on Debian; this is ${ID:-unknown}"
{
  printf 'deb-src [signed-by=%s] http://deb.debian.org/debian %s main\n' \
    "$keys" "$VERSION_CODENAME" "$keys" "$VERSION_CODENAME-updates"
  printf 'deb-src [signed-by=%s] http://deb.debian.org/debian-security %s-security main\n' \
    "$keys" "$VERSION_CODENAME"
} >"$work/sources.list"
apt=(-o "Dir::Etc::SourceList=$work/sources.list" -o Dir::Etc::SourceParts=/dev/null
  -o "Dir::State::Lists=$work/lists" -o APT::Sandbox::User=root -qq)
apt-get "${apt[@]}" update || fail "Debian's archive cannot be reached"
cd "$out"
for source in "$@"; do
  apt-get "${apt[@]}" source --download-only "$source" >/dev/null ||
    fail "the source of $source is no longer there; upgrade the package and build again"
done
