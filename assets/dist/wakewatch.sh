#!/bin/sh
# Starts wakewatch out of the folder that this file lies in, or says why this system cannot.
fail() { printf 'wakewatch: %s\n' "$*" >&2; exit 1; }

here=$(dirname -- "$(readlink -f -- "$0")")
program=$here/lib/wakewatch
[ "$(uname -s) $(uname -m)" = 'Linux x86_64' ] ||
  fail "this download is for Linux on x86_64 and this is $(uname -s) on $(uname -m); build it from source"
[ -e /lib64/ld-linux-x86-64.so.2 ] ||
  fail 'this system has no glibc (/lib64/ld-linux-x86-64.so.2), which the program needs; use a system with glibc, or build it from source'
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
minor=${libc#glibc 2.}
case $minor in
  '' | *[!0-9]*) ;;
  *) [ "$minor" -ge @MINOR@ ] ||
    fail "this system has $libc and the program needs 2.@MINOR@ or newer; use a newer system (Debian 12, Ubuntu 22.04), or build it from source" ;;
esac
[ -x "$program" ] ||
  fail "$program is missing or may not be run; unpack the archive again, on a disk that allows programs"
exec "$program" "$@"
