#!/usr/bin/env bash
# Builds a small ffmpeg out of Debian's own source package, under the LGPL and without any
# library that a bare system lacks, for the program that was built with Debian's headers:
# same version, same sonames. `ffmpeg.sh OUT` leaves OUT/lib, OUT/licences and OUT/version;
# what is there and of the same making is left as it is. OUT/sources is what it was built from.
set -euo pipefail

say() { printf 'dist: %s\n' "$*"; }
fail() { printf 'dist: %s\n' "$*" >&2; exit 1; }

out=$(mkdir -p "$1" && cd "$1" && pwd)
version=$(dpkg-query -W -f='${source:Version}' libavcodec-dev 2>/dev/null) ||
  fail "libavcodec-dev is not installed; run make setup on Debian 12"

# What recordings and cameras need: docs/formats.md. Sound is copied, never decoded.
decoders=h264,hevc,libdav1d,vp8,vp9,mpeg1video,mpeg2video,mpeg4,msmpeg4v1,msmpeg4v2,msmpeg4v3
decoders+=,h263,h263i,h263p,flv,wmv1,wmv2,wmv3,vc1,theora,vp3,vp6,vp6f,mjpeg,mjpegb,jpeg2000
decoders+=,gif,apng,png,dvvideo,prores,dnxhd,cfhd,huffyuv,ffvhuff,ffv1,utvideo,magicyuv,cinepak
decoders+=,svq1,svq3,qtrle,rawvideo,v210,r210,yuv4
demuxers=mov,matroska,avi,mpegts,mpegps,mpegvideo,flv,ogg,asf,gif,apng,mjpeg,mjpeg_2000,mpjpeg
demuxers+=,h264,hevc,m4v,ivf,obu,av1,dv,mxf,vc1,image_j2k_pipe,image_jpeg_pipe,image_png_pipe
demuxers+=,rtsp,rtp,sdp,wav,mp3,aac,flac,ac3
parsers=h264,hevc,av1,vp3,vp8,vp9,mpegvideo,mpeg4video,h263,vc1,mjpeg,gif,png,dnxhd,dvbsub
parsers+=,aac,aac_latm,ac3,mpegaudio,opus,vorbis,flac
filters=null,extract_extradata,h264_mp4toannexb,hevc_mp4toannexb,mpeg4_unpack_bframes,av1_frame_split
filters+=,av1_frame_merge,vp9_superframe,vp9_superframe_split,aac_adtstoasc,dca_core,mjpeg2jpeg
options=(
  --prefix=/usr --enable-shared --disable-static --disable-debug --disable-doc --disable-programs
  --disable-everything --disable-autodetect --disable-avdevice --disable-avfilter
  --disable-postproc --enable-zlib --enable-libdav1d
  --enable-decoder="$decoders" --enable-demuxer="$demuxers" --enable-parser="$parsers"
  --enable-bsf="$filters" --enable-encoder=mpeg4 --enable-muxer=mp4
  --enable-protocol=file,rtp,udp,tcp
)
made="$version $(printf '%s\n' "${options[@]}" | sha256sum | cut -c1-16)"
if [ "$(cat "$out/version" 2>/dev/null)" = "$made" ]; then exit; fi

for package in nasm zlib1g-dev libdav1d-dev dpkg-dev; do
  dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
    fail "the package $package is missing; run: apt-get install $package"
done
work=$out/work
rm -rf "$work" "$out/lib" "$out/licences" "$out/sources"
mkdir -p "$work" "$out/lib" "$out/licences"

say "fetching the source of ffmpeg $version from Debian"
"$(dirname "$0")/sources.sh" "$out/sources" "ffmpeg=$version"
(cd "$work" && dpkg-source -x "$out"/sources/ffmpeg_*.dsc >/dev/null 2>&1) ||
  fail "the source of ffmpeg cannot be unpacked"
source=$(echo "$work"/ffmpeg-*/)

say "building ffmpeg $version, a few minutes"
cd "$source"
# No folder of this machine is to be read in what is built.
flags="-O2 -g0 -fstack-protector-strong -D_FORTIFY_SOURCE=2 -ffile-prefix-map=$source="
./configure "${options[@]}" --extra-cflags="$flags" --extra-ldflags='-Wl,-z,relro,-z,now' \
  >"$work/configure.log" 2>&1 || fail "ffmpeg cannot be configured; see $work/configure.log"
make -j"${JOBS:-$(nproc)}" >"$work/make.log" 2>&1 || fail "ffmpeg cannot be built; see $work/make.log"
for library in avcodec avformat avutil swscale swresample; do
  soname=$(objdump -p lib$library/lib$library.so | sed -n 's/ *SONAME *//p')
  [ -n "$soname" ] || fail "lib$library was not built"
  cp -L "lib$library/$soname" "$out/lib/$soname"
  strip --strip-unneeded "$out/lib/$soname"
done
cp COPYING.LGPLv2.1 LICENSE.md CREDITS "$out/licences/"
printf './configure %s\n' "${options[*]}" >"$out/licences/configure.txt"
printf '%s\n' "$made" >"$out/version"
rm -rf "$work"
