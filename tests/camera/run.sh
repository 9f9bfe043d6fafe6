#!/usr/bin/env bash
# The real camera path, V4L2 and all, without a camera: boots Debian's kernel with its
# `vivid` test driver in an emulated machine and watches that camera with the program, while
# it is unplugged and plugged in again. Skips, and says so, where QEMU or the kernel's
# package cannot be had.
#
#   tests/camera/run.sh PROGRAM [FOLDER]
#
# FOLDER keeps the kernel's package from one run to the next.
set -euo pipefail

program=$1
folder=${2:-target/camera}
here=$(dirname "$0")

skip() { echo "test-camera: skipped, $*"; exit 0; }
fail() { echo "test-camera: FAILED, $*"; exit 1; }

for tool in qemu-system-x86_64 busybox cpio depmod ldd dpkg-deb; do
  PATH=$PATH:/sbin:/usr/sbin command -v "$tool" >/dev/null ||
    skip "$tool is missing; apt-get install qemu-system-x86 busybox-static cpio kmod"
done
[ "$(uname -m)" = x86_64 ] || skip "only for x86_64"
[ -x "$program" ] || fail "$program is not there; build it first"
library=${ORT_DYLIB_PATH:-${XDG_CACHE_HOME:-$HOME/.cache}/wakewatch/onnxruntime-1.32.0/libonnxruntime.so}
[ -f "$library" ] || skip "ONNX Runtime is missing; run make setup"

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
if ! ls "$folder"/linux-image-*.deb >/dev/null 2>&1; then
  package=$(apt-cache depends linux-image-amd64 2>/dev/null |
    sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -1)
  [ -n "$package" ] || skip "apt knows no kernel"
  (cd "$folder" && apt-get download "$package" >/dev/null 2>&1) ||
    skip "the package $package cannot be fetched"
fi
kernel=$folder/kernel
if [ ! -d "$kernel/boot" ]; then
  dpkg-deb -x "$(ls "$folder"/linux-image-*.deb | head -1)" "$kernel"
fi
version=$(basename "$kernel"/lib/modules/*)
PATH=$PATH:/sbin:/usr/sbin depmod -b "$kernel" "$version"

root=$folder/root
rm -rf "$root"
mkdir -p "$root"/{bin,proc,sys,dev,tmp,modules,lib64}
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$here/init.sh" "$root/init"
chmod +x "$root/init"
# The driver and what it needs, in the order in which they are loaded.
dep=$kernel/lib/modules/$version/modules.dep
line=$(grep '/vivid\.ko' "$dep") || skip "this kernel has no vivid"
number=10
for module in $(echo "${line#*:}" | tr ' ' '\n' | tac) "${line%%:*}"; do
  cp "$kernel/lib/modules/$version/$module" "$root/modules/$number-$(basename "$module")"
  number=$((number + 1))
done
strip -o "$root/bin/wakewatch" "$program"
cp -L "$library" "$root/lib64/libonnxruntime.so"
for file in $(ldd "$program" "$library" | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | sort -u) \
  /lib64/ld-linux-x86-64.so.2; do
  cp -L "$file" "$root/lib64/"
done
(cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$folder/initramfs.gz"

log=$folder/log.txt
echo "test-camera: booting $version; the log is $log"
# Emulated in software: virtual machines that this runs in seldom lend their processor well.
timeout "${LIMIT:-1500}" qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 \
  -kernel "$kernel"/boot/vmlinuz-* -initrd "$folder/initramfs.gz" \
  -append 'console=ttyS0 quiet panic=-1 rdinit=/init' -nic none \
  -nographic -no-reboot </dev/null >"$log" 2>&1 || true

for said in "camera listed" "frames judged" "loss told" "frames after replugging" "all done"; do
  grep -q "OK: $said" "$log" || { tail -40 "$log"; fail "not seen: $said"; }
done
grep 'OK: ' "$log"
echo "test-camera: passed"
