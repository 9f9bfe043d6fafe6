#!/usr/bin/env bash
# Builds what a driver downloads into target/dist: an archive that runs where it is unpacked,
# a Debian package, their bill of materials, licences, sources of the libraries and digests.
# The same commit on the same machine gives the same bytes. `make dist` sets up first.
# PROGRAM=FILE packs that program instead of building one, to try out the packing.
set -euo pipefail
export LC_ALL=C TZ=UTC
umask 022

say() { printf 'dist: %s\n' "$*"; }
fail() { printf 'dist: %s\n' "$*" >&2; exit 1; }

cd "$(dirname "$0")/../.."
root=$PWD
ours=assets/dist
parts=target/dist-parts
out=target/dist
triple=x86_64-unknown-linux-gnu
[ "$(uname -sm)" = 'Linux x86_64' ] || fail "a download is only made on Linux on x86_64"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null)} ||
  fail "this is no git checkout; set SOURCE_DATE_EPOCH to the seconds of its release"
export SOURCE_DATE_EPOCH
day=$(date -d "@$SOURCE_DATE_EPOCH" +%F)

# What this script calls, and the packages of Debian that have it.
need() { # need COMMAND PACKAGE
  command -v "$1" >/dev/null || missing+=" $2"
}
missing=
need patchelf patchelf; need rsvg-convert librsvg2-bin; need jq jq; need xz xz-utils
need nasm nasm; need dpkg-source dpkg-dev; need objdump binutils; need desktop-file-validate desktop-file-utils
need appstreamcli appstream
for package in zlib1g-dev libdav1d-dev; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=" $package"
done
if [ -n "$missing" ]; then
  [ "$(id -u)" = 0 ] || fail "as root, run: apt-get install --no-install-recommends$missing"
  say "installing the Debian packages$missing"
  apt-get update -qq
  # shellcheck disable=SC2086  # a list of words
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
tools=target/dist-tools
tool() { # tool NAME VERSION [OPTION ...]
  local name=$1 wanted=$2
  shift 2
  "$tools/bin/$name" "${name#cargo-}" --version 2>/dev/null | grep -qF "$wanted" && return
  "$tools/bin/$name" --version 2>/dev/null | grep -qF "$wanted" && return
  say "building $name $wanted"
  cargo install --quiet --locked --root "$tools" --target-dir "$parts/tools" "$@" "$name@$wanted"
}
tool cargo-deb 3.8.0
tool cargo-cyclonedx 0.5.9
tool cargo-about 0.9.3 --features cli
PATH=$root/$tools/bin:$PATH

# The program. No folder of this machine is to be read in it.
cargo_home=${CARGO_HOME:-$HOME/.cargo}
if [ -n "${PROGRAM:-}" ]; then
  program=$PROGRAM
else
  say "building the program"
  RUSTFLAGS="--remap-path-prefix=$root=/wakewatch --remap-path-prefix=$cargo_home=/cargo \
--remap-path-prefix=$(rustc --print sysroot)=/rust" \
    CFLAGS="-O2 -ffile-prefix-map=$root=/wakewatch -ffile-prefix-map=$cargo_home=/cargo" \
    cargo build --release --locked --target "$triple"
  program=target/$triple/release/wakewatch
  for path in "$root" "$cargo_home" "$HOME/"; do
    ! grep -qaF "$path/" "$program" || fail "the program names $path of this machine; see the flags in $ours/build.sh"
  done
fi
version_of() { dpkg-query -W -f='${source:Version}' "$1"; }

# The libraries.
"$ours/ffmpeg.sh" "$parts/ffmpeg"
XDG_CACHE_HOME=$root/$parts/cache GPU=0 assets/runtime.sh
ort_folder=$(echo "$parts"/cache/wakewatch/onnxruntime-*)
ort=${ort_folder##*-}
alsa=$(version_of libasound2) dav1d=$(version_of libdav1d6) zlib=$(version_of zlib1g)
if [ "$(cat "$parts/sources.done" 2>/dev/null)" != "$alsa $dav1d" ]; then
  rm -rf "$parts/sources"
  "$ours/sources.sh" "$parts/sources" "alsa-lib=$alsa" "dav1d=$dav1d"
  printf '%s' "$alsa $dav1d" >"$parts/sources.done"
fi

# Pages, completions, menu entry, icon.
share=$parts/share
rm -rf "$share" "$parts/pages"
"$program" pages "$parts/pages"
install -D -m 644 -t "$share/man/man1" "$parts"/pages/*.1
install -D -m 644 "$parts/pages/wakewatch.bash" "$share/bash-completion/completions/wakewatch"
install -D -m 644 -t "$share/zsh/vendor-completions" "$parts/pages/_wakewatch"
install -D -m 644 -t "$share/fish/vendor_completions.d" "$parts/pages/wakewatch.fish"
install -D -m 644 -t "$share/applications" "$ours/wakewatch.desktop"
icons=$share/icons/hicolor
install -D -m 644 -t "$icons/scalable/apps" "$ours/wakewatch.svg"
for side in 16 32 48 64 128 256; do
  mkdir -p "$icons/${side}x$side/apps"
  rsvg-convert -w "$side" -h "$side" "$ours/wakewatch.svg" -o "$icons/${side}x$side/apps/wakewatch.png"
done
mkdir -p "$share/metainfo"
sed "s/@VERSION@/$version/; s/@DATE@/$day/" "$ours/wakewatch.metainfo.xml" \
  >"$share/metainfo/local.wakewatch.wakewatch.metainfo.xml"
desktop-file-validate "$share/applications/wakewatch.desktop"
appstreamcli validate --no-net --explain "$share"/metainfo/*.xml >"$parts/appstream.log" ||
  fail "the AppStream metadata are wrong; see $parts/appstream.log"

# Bill of materials and licences.
say "bill of materials and licences"
# Both tools read the whole lock file, other systems' crates too.
cargo fetch --locked --quiet
bom=$parts/wakewatch.cdx.json
rm -f wakewatch-bom.json "$bom"
cargo cyclonedx --quiet --format json --spec-version 1.5 --target "$triple" --no-build-deps --override-filename wakewatch-bom
jq -S --arg version "$version" --arg ort "$ort" --arg ffmpeg "$(version_of libavcodec-dev)" \
  --arg dav1d "$dav1d" --arg alsa "$alsa" --arg zlib "$zlib" -f "$ours/bom.jq" wakewatch-bom.json >"$bom"
rm -f wakewatch-bom.json
! grep -qF "$root" "$bom" || fail "the bill of materials names a folder of this machine"
licences=$parts/licences
rm -rf "$licences"
mkdir -p "$licences/ffmpeg"
# Minutes of reading, and only the lock file changes what is found.
crates=$(cat Cargo.lock "$ours"/about.* | sha256sum | cut -c1-16)
if [ ! -f "$parts/crates-$crates.txt" ]; then
  cargo about generate --frozen --fail --config "$ours/about.toml" -o "$parts/crates.tmp" "$ours/about.hbs"
  mv "$parts/crates.tmp" "$parts/crates-$crates.txt"
fi
cp "$parts/crates-$crates.txt" "$licences/rust-crates.txt"
cp LICENSE-MIT LICENSE-APACHE "$licences/"
cp models/README.md "$licences/models.md"
cp "$ort_folder/LICENSE" "$licences/onnxruntime.txt"
cp "$ort_folder/ThirdPartyNotices.txt" "$licences/onnxruntime-third-party.txt"
cp "${XDG_CACHE_HOME:-$HOME/.cache}"/wakewatch/blazeface-1.2.0/LICENSE "$licences/blazeface.txt"
cp "$parts"/ffmpeg/licences/* "$licences/ffmpeg/"
for package in libasound2 libdav1d6 zlib1g; do
  cp "/usr/share/doc/$package/copyright" "$licences/$package.txt"
done
chmod -R u=rwX,go=rX "$licences"

# The archive.
say "the archive"
name=wakewatch-$version-x86_64-linux
tree=$parts/$name
rm -rf "$tree"
mkdir -p "$tree/lib/fallback"
cp "$program" "$tree/lib/wakewatch"
strip --strip-all "$tree/lib/wakewatch"
cp "$parts"/ffmpeg/lib/*.so.* "$tree/lib/"
cp -L "$ort_folder/libonnxruntime.so" "$tree/lib/"
system=/usr/lib/x86_64-linux-gnu
cp -L "$system/libdav1d.so.6" "$tree/lib/"
cp -L "$system/libasound.so.2" "$tree/lib/fallback/"
cp -L /lib/x86_64-linux-gnu/libz.so.1 "$tree/lib/fallback/"
# Our own libraries first, then the system's where the loader would look, and what lies in
# fallback only where the system has none: a bundled libasound finds no plug-in for PipeWire.
# shellcheck disable=SC2016  # the loader reads $ORIGIN
order='$ORIGIN:/usr/lib/x86_64-linux-gnu:/lib/x86_64-linux-gnu:/usr/lib64:/lib64:/usr/lib:/lib:$ORIGIN/fallback'
for file in "$tree"/lib/wakewatch "$tree"/lib/*.so*; do
  patchelf --set-rpath "$order" "$file"
done
chmod 755 "$tree/lib/wakewatch"
chmod 644 "$tree"/lib/*.so* "$tree"/lib/fallback/*
# Everything that is asked for lies in the archive, or is glibc or of the compiler.
wanted=$(objdump -p "$tree"/lib/wakewatch "$tree"/lib/*.so* "$tree"/lib/fallback/* |
  sed -n 's/ *NEEDED *//p' | sort -u)
for library in $wanted; do
  case $library in
    ld-linux-x86-64.so.2 | libc.so.6 | libm.so.6 | libdl.so.2 | libpthread.so.0 | librt.so.1) ;;
    libgcc_s.so.1 | libstdc++.so.6) ;;
    *) [ -e "$tree/lib/$library" ] || [ -e "$tree/lib/fallback/$library" ] ||
      fail "$library is needed and not in the archive; add it to $ours/build.sh" ;;
  esac
done
minor=$(objdump -T "$tree"/lib/wakewatch "$tree"/lib/*.so* "$tree"/lib/fallback/* |
  grep -o 'GLIBC_2\.[0-9]*' | sort -t. -k2 -nu | tail -1 | cut -d. -f2)
sed "s/@MINOR@/$minor/g" "$ours/wakewatch.sh" >"$tree/wakewatch"
sed "s/@VERSION@/$version/g; s/@MINOR@/$minor/g" "$ours/README.txt" >"$tree/README.txt"
cp "$ours/install.sh" "$tree/install.sh"
chmod 755 "$tree/wakewatch" "$tree/install.sh"
cp -r "$share" "$tree/share"
# Where users and /usr/local have zsh's completions.
mv "$tree/share/zsh/vendor-completions" "$tree/share/zsh/site-functions"
cp -r "$licences" "$tree/licences"
cp "$bom" "$tree/licences/"
rm -rf "$out"
mkdir -p "$out"
fixed=(--sort=name --owner=0 --group=0 --numeric-owner --format=gnu "--mtime=@$SOURCE_DATE_EPOCH")
tar -C "$parts" "${fixed[@]}" -c "$name" | xz --x86 --lzma2=preset=9e -T1 >"$out/$name.tar.xz"

# The sources of the libraries under the LGPL (and dav1d), beside the archive.
sources=$parts/wakewatch-$version-sources
rm -rf "$sources"
mkdir -p "$sources"
cp "$parts"/ffmpeg/sources/* "$parts"/sources/* "$ours/ffmpeg.sh" "$sources/"
tar -C "$parts" "${fixed[@]}" --mode=u=rw,go=r,a+X -cf "$out/wakewatch-$version-sources.tar" "${sources##*/}"

# The Debian package: with Debian's ffmpeg, and ONNX Runtime in a folder of its own.
say "the Debian package"
deb=$parts/deb
rm -rf "$deb"
mkdir -p "$deb"
install -D -m 755 "$program" "$deb/wakewatch"
strip --strip-all "$deb/wakewatch"
cp -L "$ort_folder/libonnxruntime.so" "$deb/"
strip --strip-unneeded "$deb/libonnxruntime.so"
{
  printf 'wakewatch (%s-1) unstable; urgency=medium\n\n  * What changed: /usr/share/doc/wakewatch/changelog.gz\n\n' "$version"
  printf ' -- The wakewatch developers <%s>  %s\n' \
    "$(sed -n 's/^maintainer = .*<\(.*\)>.*/\1/p' Cargo.toml)" "$(date -R -d "@$SOURCE_DATE_EPOCH")"
} >"$deb/changelog"
gzip -9n <CHANGELOG.md >"$deb/changelog.gz"
find "$deb" "$share" "$licences" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
cargo deb --quiet --no-build --no-strip --target "$triple" --output "$out/wakewatch_${version}-1_amd64.deb"
cp "$bom" "$out/wakewatch-$version.cdx.json"
cp "$licences/rust-crates.txt" "$out/wakewatch-$version-licences-of-crates.txt"
(cd "$out" && sha256sum -- * >"$root/$parts/SHA256SUMS" && mv "$root/$parts/SHA256SUMS" .)
if command -v lintian >/dev/null; then
  lintian --allow-root --fail-on error "$out"/*.deb >"$parts/lintian.log" ||
    fail "lintian finds errors in the package; see $parts/lintian.log"
  say "lintian: $(grep -c '^E' "$parts/lintian.log" || :) errors, $(grep -c '^W' "$parts/lintian.log" || :) warnings"
else
  say "lintian: skipped, it is not installed (apt-get install lintian)"
fi
size=$(stat -c %s "$out/$name.tar.xz")
[ "$size" -le $((35 * 1000 * 1000)) ] || fail "the archive has $size bytes, more than 35 MB"
(cd "$out" && ls -l)
