#!/bin/sh
# Installs wakewatch with menu entry, icon, man pages and completions, or takes it away:
#   ./install.sh [--prefix DIR] [--uninstall]
# DIR is ~/.local unless given, for root /usr/local. Settings and recordings of the user are
# never touched.
set -eu
fail() { printf 'install: %s\n' "$*" >&2; exit 1; }

here=$(dirname -- "$(readlink -f -- "$0")")
if [ "$(id -u)" = 0 ]; then prefix=/usr/local; else prefix=${HOME:-}/.local; fi
# The copy that was installed knows where.
if [ -f "$here/installed" ]; then prefix=$(dirname -- "$(dirname -- "$here")"); fi
uninstall=no
while [ $# -gt 0 ]; do
  case $1 in
    --prefix) [ $# -gt 1 ] || fail '--prefix wants a folder'; prefix=$2; shift ;;
    --prefix=*) prefix=${1#*=} ;;
    --uninstall) uninstall=yes ;;
    -h | --help) sed -n '2,5s/^# \{0,1\}//p' "$0"; exit ;;
    *) fail "$1 is not known; use --prefix DIR or --uninstall" ;;
  esac
  shift
done
case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
home=$prefix/lib/wakewatch
list=$home/installed

# Takes away what an installation wrote, and those folders it made that are empty now. The
# last lines of the list are the last folders that were made: the list is read backwards.
remove() {
  copy=$(sed '1!G;h;$!d' "$list")
  printf '%s\n' "$copy" | while IFS= read -r path; do
    case $path in
      */) rmdir -- "$prefix/${path%/}" 2>/dev/null || : ;;
      *) rm -f -- "$prefix/$path" ;;
    esac
  done
  rmdir -- "$home/lib" "$home" "$prefix/lib" 2>/dev/null || :
}

if [ "$uninstall" = yes ]; then
  [ -f "$list" ] || fail "wakewatch is not installed in $prefix; name the folder with --prefix"
  remove
  printf 'install: wakewatch is gone from %s\n' "$prefix"
  exit
fi
[ -d "$here/share" ] || fail "run the install.sh of an unpacked archive; $here is none"
if [ -f "$list" ]; then remove; fi
mkdir -p -- "$home" 2>/dev/null && [ -w "$home" ] ||
  fail "$home cannot be written; choose a folder of your own with --prefix DIR"
: >"$list"

# Makes a folder below the prefix, and writes down what of it was not there.
folder() {
  [ -d "$prefix/$1" ] && return
  case $1 in */*) folder "${1%/*}" ;; esac
  mkdir -- "$prefix/$1"
  printf '%s/\n' "$1" >>"$list"
}

cd "$here"
find lib licences share README.txt install.sh wakewatch -type f | sort | {
  while IFS= read -r file; do
    case $file in
      share/*) to=$file ;;
      *) to=lib/wakewatch/$file ;;
    esac
    folder "${to%/*}"
    case $file in
      share/applications/wakewatch.desktop)
        # Quoted as the specification of menu entries wants it.
        quoted=$(printf '%s' "$prefix/bin/wakewatch" |
          sed 's/[\\"`$]/\\&/g; s/\\/\\\\/g; s/%/%%/g; s/[&|\\]/\\&/g')
        sed "s|^Exec=wakewatch|Exec=\"$quoted\"|" "$file" >"$prefix/$to" ;;
      *) cp -- "$file" "$prefix/$to" ;;
    esac
    printf '%s\n' "$to" >>"$list"
  done
}
folder bin
ln -sf -- ../lib/wakewatch/wakewatch "$prefix/bin/wakewatch"
printf 'bin/wakewatch\nlib/wakewatch/installed\n' >>"$list"
# Menus look at the date of this folder to see that there is a new icon.
touch -- "$prefix/share/icons/hicolor" 2>/dev/null || :
printf 'install: done; wakewatch is in the menu and in %s/bin\n' "$prefix"
case :$PATH: in
  *:"$prefix/bin":*) ;;
  *) printf 'install: %s/bin is not in PATH; start it from the menu, or log in again\n' "$prefix" ;;
esac
printf 'install: take it away again with: "%s/install.sh" --uninstall\n' "$home"
