#!/usr/bin/env bash
# Installs the build into a temporary prefix, moves it, and builds tiny outside projects against it, by find_package and by pkg-config.
#   install_test.sh BUILD_FOLDER MODEL LIBDIR
set -euo pipefail
build=$1 model=$2 libdir=$3
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "install_test: $*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', found '$2'"; }

cmake --install "$build" --prefix "$work/first" > "$work/install.log" || fail "$(cat "$work/install.log")"
prefix=$work/moved
mv "$work/first" "$prefix"  # whatever remembers where it was installed fails below

for file in bin/molmo "$libdir/libmolmo.so" include/molmo/molmo.hpp include/molmo/molmo.h share/man/man1/molmo.1 share/man/man1/molmo-run.1 \
  share/bash-completion/completions/molmo share/zsh/site-functions/_molmo share/fish/vendor_completions.d/molmo.fish; do
  [ -s "$prefix/$file" ] || fail "$file was not installed"
done
for file in bin/molmo "$libdir/libmolmo.so"; do
  path=$(readelf -d "$prefix/$file" | sed -n 's/.*R.*PATH.*\[\(.*\)\]/\1/p')
  case $path in
    '$ORIGIN'*) ;;
    *) [ ! -e "$prefix/$libdir/molmo/libtorch_cpu.so" ] || fail "$file looks for libraries in '$path'" ;;
  esac
done

expect "molmo tokenize" "$("$prefix/bin/molmo" tokenize -m "$model" "a ")" "64 220"

generator=(); command -v ninja > /dev/null && generator=(-G Ninja)
cmake -S "$here/outside" -B "$work/outside" "${generator[@]}" -DCMAKE_PREFIX_PATH="$prefix" > "$work/configure.log" 2>&1 || fail "$(cat "$work/configure.log")"
cmake --build "$work/outside" > "$work/build.log" 2>&1 || fail "$(cat "$work/build.log")"
expect "find_package, C++" "$("$work/outside/outside" "$model")" "653 621 352 225 "
expect "find_package, C" "$("$work/outside/outside_c" "$model")" "4 tokens from molmo 0.1.0"
expect "an error" "$("$work/outside/outside" /nowhere | cut -d: -f1)" "not found"

export PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig
read -r -a flags <<< "$(pkg-config --cflags --libs molmo)"
c++ -std=c++17 "$here/outside/main.cpp" "${flags[@]}" -Wl,-rpath,"$prefix/$libdir" -o "$work/by_pkg_config"
expect "pkg-config, C++" "$("$work/by_pkg_config" "$model")" "653 621 352 225 "
cc -std=c99 "$here/outside/main.c" "${flags[@]}" -Wl,-rpath,"$prefix/$libdir" -o "$work/by_pkg_config_c"
expect "pkg-config, C" "$("$work/by_pkg_config_c" "$model")" "4 tokens from molmo 0.1.0"
echo "install_test: passed"
