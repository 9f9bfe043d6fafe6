#!/usr/bin/env bash
# Tries what `make dist` made where there is nothing else: in bare system trees of Debian 12
# and 13 (debootstrap minbase), without network. Skips, and says so, without root or
# debootstrap. PARTS="headless films window package" chooses; the last two fetch packages
# from Debian's archive.
set -uo pipefail
export LC_ALL=C.UTF-8
PARTS=${PARTS:-headless films window package}
wanted() { case " $PARTS " in *" $1 "*) ;; *) return 1 ;; esac; }

skip() { printf 'test-dist: skipped, %s\n' "$*"; exit 0; }
[ "$(id -u)" = 0 ] || skip 'system trees are made as root only'
command -v debootstrap >/dev/null || skip 'there is no debootstrap (apt-get install debootstrap)'
unshare --mount true 2>/dev/null || skip 'this system lets nothing be mounted'
# All mounts are in a namespace of their own, and gone when this script is.
if [ -z "${INSIDE:-}" ]; then
  exec env INSIDE=1 unshare --mount --propagation private "$0" "$@"
fi

cd "$(dirname "$0")/../.." || exit 1
archive=$(echo target/dist/wakewatch-*-x86_64-linux.tar.xz)
package=$(echo target/dist/wakewatch_*_amd64.deb)
[ -f "$archive" ] && [ -f "$package" ] || skip 'there is nothing in target/dist; run make dist'
trees=$PWD/target/dist-trees
name=$(basename "$archive" .tar.xz)
mkdir -p "$trees"
failures=0

say() { printf 'test-dist: %s\n' "$*"; }
good() { printf 'ok    %s\n' "$*"; }
bad() { printf 'FAIL  %s\n' "$*"; failures=$((failures + 1)); }
check() { # check WHAT COMMAND ...
  local what=$1
  shift
  if "$@" >"$trees/check.log" 2>&1; then good "$what"; else bad "$what"; sed 's/^/      /' "$trees/check.log" | tail -5; fi
}

unmount() {
  local at
  awk -v t="$trees/" 'index($5, t) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
    while IFS= read -r at; do umount -l -- "$(printf '%b' "$at")"; done
}
trap unmount EXIT
discard() { # never with anything mounted in it
  unmount
  if awk -v t="$1" 'index($5, t) == 1 { exit 1 }' /proc/self/mountinfo; then rm -rf --one-file-system -- "$1"; fi
}

# A bare tree of a release, a fresh copy of it in $tree.
fresh() { # fresh SUITE
  local base=$trees/$1
  if [ ! -f "$base.done" ]; then
    discard "$base"
    say "making a bare tree of Debian $1"
    debootstrap --variant=minbase "$1" "$base" http://deb.debian.org/debian >"$trees/debootstrap.log" 2>&1 ||
      { say "skipped $1: debootstrap could not make it; see $trees/debootstrap.log"; return 1; }
    touch "$base.done"
  fi
  tree=$trees/work
  discard "$tree"
  cp -a --reflink=auto "$base" "$tree"
  mount -t proc proc "$tree/proc"
  mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
  mkdir -p "$tree/dev/shm"
  mount -t tmpfs tmpfs "$tree/dev/shm"
  cp -L /etc/resolv.conf "$tree/etc/resolv.conf" 2>/dev/null
  mkdir -p "$tree/opt"
}
# Runs in the tree, without network, as root or with AS=USER.
inside() {
  unshare --net chroot ${AS:+--userspec="$AS"} "$tree" \
    env -i PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 HOME="${AT_HOME-/root}" "$@"
}
unpack() { mkdir -p "$tree$1" && tar -xJf "$archive" -C "$tree$1"; }
# Ends with CODE and one sentence on stderr that holds WORDS.
refuses() { # refuses CODE WORDS COMMAND ...
  local code=$1 words=$2 told rc
  shift 2
  told=$("$@" 2>&1 >/dev/null)
  rc=$?
  printf '%s\n' "exit code $rc: $told"
  [ $rc = "$code" ] && [ "$(printf '%s\n' "$told" | wc -l)" = 1 ] && printf '%s' "$told" | grep -qiF -- "$words"
}
judges() { # judges COMMAND ...: the driver falls asleep and is woken
  local told
  told=$("$@" watch --source demo:asleep --headless --fast) || return 1
  printf '%s\n' "$told" | tail -3
  grep -q '"state":"asleep"' <<<"$told" &&
    tail -1 <<<"$told" | grep -q '"alarms":[1-9].*"complete":true'
}
says() { # says WORDS COMMAND ...
  # Not in a pipe: a grep that ends at the first hit would break it.
  local words=$1 told
  shift
  told=$("$@" 2>&1)
  printf '%s\n' "$told"
  grep -qF -- "$words" <<<"$told"
}
is_empty() { ! find "$1" -mindepth 1 | grep .; }

# A judgement is a line of what was read in a frame (docs/performance.md). The first says
# "starting", for the face is not known yet; that it is awake takes 3 s of the driver's time.
start_time() {
  local from first line known
  from=$(date +%s%N)
  unpack /opt
  # Not in a pipe: it would end only when the program does.
  exec 3< <(inside "/opt/$name/wakewatch" watch --source demo:asleep --headless --fast 2>/dev/null)
  IFS= read -r line <&3
  first=$(date +%s%N)
  IFS= read -r known <&3
  local known_ms=$((($(date +%s%N) - from) / 1000000))
  exec 3<&-
  printf '%s' "$line" | grep -q '"drowsy":[0-9]' || { bad "no judgement after unpacking: $line"; return; }
  printf '%s' "$known" | grep -q '"state":"awake"' || { bad "the driver is awake, and that is not told: $known"; return; }
  local ms=$(((first - from) / 1000000))
  local of="from unpacking to the first judgement: $ms ms, to knowing the driver awake: $known_ms ms (load of the machine: $(cut -d' ' -f1 /proc/loadavg))"
  if [ $ms -lt 5000 ]; then good "$of"
  else bad "$of, more than 5 s; on a machine with other work, try again"; fi
}

headless() { # headless SUITE
  say "Debian $1, bare: $(chroot "$tree" dpkg-query -W 2>/dev/null | wc -l) packages, $(chroot "$tree" getconf GNU_LIBC_VERSION)"
  start_time
  local app=/opt/$name
  check 'judges and alarms' judges inside "$app/wakewatch"
  check 'loads its own libasound where the system has none' \
    says "lib/fallback/libasound.so.2" inside LD_TRACE_LOADED_OBJECTS=1 "$app/lib/wakewatch"
  cp "$tree$app/lib/fallback/libasound.so.2" "$tree/usr/lib/x86_64-linux-gnu/"
  check "prefers the system's libasound" \
    says "/usr/lib/x86_64-linux-gnu/libasound.so.2" inside LD_TRACE_LOADED_OBJECTS=1 "$app/lib/wakewatch"
  rm "$tree/usr/lib/x86_64-linux-gnu/libasound.so.2"
  check 'nothing of X11, Wayland or GL is loaded' \
    bash -c "! unshare --net chroot '$tree' env LD_TRACE_LOADED_OBJECTS=1 $app/lib/wakewatch | grep -E 'libX|wayland|libGL|libEGL'"
  check 'without arguments and display: one sentence' refuses 1 'watch --headless' inside "$app/wakewatch"
  check 'no camera: one sentence' refuses 1 'no camera' inside "$app/wakewatch" watch --headless --silent
  inside "$app/wakewatch" doctor >"$trees/doctor.log" 2>&1
  for line in 'no camera was found' 'no sound' 'no display'; do
    check "doctor tells: $line" grep -F -- "$line" "$trees/doctor.log"
  done
  check 'doctor: ONNX Runtime of the archive, CPU' grep -F "$app/lib/libonnxruntime.so" "$trees/doctor.log"
  check 'no CUDA: one sentence' refuses 1 'cuda' inside "$app/wakewatch" watch --headless --fast --silent --source demo:alert+1 --device cuda
  # As somebody who owns nothing and whose home cannot be written.
  AS=nobody:nogroup AT_HOME=/root check 'home without any rights: judges and alarms' \
    judges inside "$app/wakewatch"
  AS=nobody:nogroup AT_HOME=/nowhere check 'home that is not there: judges and alarms' \
    judges inside "$app/wakewatch"
  local odd="/opt/Grüße an alle/ein Ordner's \"Name\""
  unpack "$odd"
  check 'path with spaces, umlauts and quotes' judges inside "$odd/$name/wakewatch"
  ln -s "$odd/$name/wakewatch" "$tree/usr/local/bin/wakewatch"
  check 'through a link in PATH' judges inside wakewatch
  rm "$tree/usr/local/bin/wakewatch"
  mkdir -p "$tree/mnt/ro"
  mount --bind "$tree$app" "$tree/mnt/ro" && mount -o remount,bind,ro "$tree/mnt/ro"
  check 'read-only folder' judges inside /mnt/ro/wakewatch
  umount "$tree/mnt/ro"
  mkdir -p "$tree/opt/old"
  printf '#!/bin/sh\necho glibc 2.31\n' >"$tree/opt/old/getconf"
  chmod +x "$tree/opt/old/getconf"
  check 'an old glibc (played by getconf): one sentence' \
    refuses 1 'glibc 2.31' inside PATH=/opt/old:/usr/bin:/bin "$app/wakewatch"
  mv "$tree$app/lib/libonnxruntime.so" "$tree/opt/"
  check 'without ONNX Runtime: the one command' \
    refuses 1 'wakewatch doctor --setup-script | bash' inside "$app/wakewatch" watch --headless --fast --source demo
  mv "$tree/opt/libonnxruntime.so" "$tree$app/lib/"
  check 'the set-up script is carried' says 'pip download' inside "$app/wakewatch" doctor --setup-script
  installs
}

installs() {
  local app=/opt/$name prefix="/srv/für mich" before after
  mkdir "$tree$prefix"
  check 'install.sh --prefix' inside "$app/install.sh" --prefix "$prefix"
  mv "$tree$app" "$tree/opt/moved"
  check 'the installed copy runs without the archive' judges inside "$prefix/bin/wakewatch"
  check 'its menu entry names it' grep -F "Exec=\"$prefix/bin/wakewatch\" watch" "$tree$prefix/share/applications/wakewatch.desktop"
  if command -v desktop-file-validate >/dev/null; then
    check 'its menu entry is valid' desktop-file-validate "$tree$prefix/share/applications/wakewatch.desktop"
  fi
  check 'install.sh over an older copy' inside /opt/moved/install.sh --prefix "$prefix"
  check 'install.sh --uninstall' inside "$prefix/lib/wakewatch/install.sh" --uninstall
  check 'nothing is left of it' is_empty "$tree$prefix"
  AS=nobody:nogroup AT_HOME=/root check 'install.sh to a folder without rights: one sentence' \
    refuses 1 'cannot be written' inside /opt/moved/install.sh --prefix /srv
  mv "$tree/opt/moved" "$tree$app"
}

# Films as recordings have them, made with this machine's ffmpeg, where it is.
films() {
  command -v ffmpeg >/dev/null || { say 'films: skipped, there is no ffmpeg here to make them with'; return; }
  local app=/opt/$name film
  check 'writes a copy of a recording' inside "$app/wakewatch" watch --headless --fast --silent --source demo:alert+2 --video /tmp/copy.mp4
  while read -r film options; do
    # shellcheck disable=SC2086  # a list of words
    ffmpeg -loglevel error -y -i "$tree/tmp/copy.mp4" $options "$tree/tmp/$film" 2>/dev/null ||
      { say "$film: skipped, ffmpeg cannot make it here"; continue; }
    check "reads $film" inside "$app/wakewatch" watch --headless --fast --silent --source "/tmp/$film"
  done <<'END'
h264.mp4 -c:v libx264
h264.ts -c:v libx264
h264.mkv -c:v libx264
h264.flv -c:v libx264
raw.h264 -c:v libx264
hevc.mp4 -c:v libx265
vp8.webm -c:v libvpx
vp9.webm -c:v libvpx-vp9
av1.mp4 -c:v libaom-av1 -cpu-used 8 -frames:v 10
mjpeg.avi -c:v mjpeg
raw.mjpeg -c:v mjpeg
mpeg2.mpg -c:v mpeg2video
mpeg4.3gp -c:v mpeg4
theora.ogv -c:v libtheora
wmv2.wmv -c:v wmv2
prores.mov -c:v prores
ffv1.mkv -c:v ffv1
moving.gif -frames:v 10
still.avif -c:v libaom-av1 -cpu-used 8 -frames:v 1
still.jp2 -c:v jpeg2000 -frames:v 1
END
}

graphics='xvfb xauth libgl1 libegl1 libgl1-mesa-dri libxkbcommon0 libxkbcommon-x11-0 libx11-6
libx11-xcb1 libxcursor1 libxi6 libxrandr2'
apt() { chroot "$tree" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y "$@" >"$trees/apt.log" 2>&1; }
window() { # window SUITE COMMAND ...
  local suite=$1 picture
  shift
  check "Debian $suite: the window opens" inside xvfb-run -a -s '-screen 0 1280x800x24' "$@" --source demo --screenshot /tmp/window.png --after 3
  picture=$trees/window-$suite.png
  cp "$tree/tmp/window.png" "$picture" 2>/dev/null
  check "Debian $suite: its picture shows something ($picture)" [ "$(stat -c %s "$picture" 2>/dev/null || echo 0)" -gt 50000 ]
}

# What the user has chosen stays in the user's home.
left() { ! find "$tree" -xdev -iname '*wakewatch*' -not -path "$tree/tmp/*" -not -path "$tree/root/*" | grep .; }
debian_package() {
  say "the Debian package in a bare Debian 12"
  cp "$package" "$tree/opt/"
  apt update
  check 'apt install ./wakewatch.deb' apt install "/opt/$(basename "$package")"
  rm "$tree/opt/$(basename "$package")"
  check 'judges and alarms' judges inside wakewatch
  check 'doctor: ONNX Runtime of the package' says wakewatch/libonnxruntime.so inside wakewatch doctor
  check 'man page, completions and menu entry are there' inside sh -c \
    'zcat /usr/share/man/man1/wakewatch.1.gz | grep -q SYNOPSIS && bash -n /usr/share/bash-completion/completions/wakewatch && test -f /usr/share/applications/wakewatch.desktop'
  apt install --no-install-recommends xvfb xauth
  # shellcheck disable=SC2046  # the words of the command
  window bookworm-deb $(sed -n 's/^Exec=//p' "$tree/usr/share/applications/wakewatch.desktop")
  check 'apt remove' apt remove wakewatch
  check 'nothing is left of it' left
}

check 'digests' env --chdir=target/dist sha256sum --check --quiet SHA256SUMS
for suite in bookworm trixie; do
  [ "$PARTS" = package ] && break
  fresh $suite || continue
  if wanted headless; then headless $suite; else unpack /opt; fi
  if wanted films && [ $suite = bookworm ]; then films; fi
  if wanted window; then
    # shellcheck disable=SC2086  # a list of words
    if apt update && apt install --no-install-recommends $graphics; then
      window $suite "/opt/$name/wakewatch" watch
    else
      say "window in $suite: skipped, its packages could not be fetched"
    fi
  fi
done
if wanted package && fresh bookworm; then debian_package; fi
discard "$trees/work"
say "$failures failures"
[ "$failures" = 0 ]
