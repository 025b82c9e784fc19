#!/usr/bin/env bash
# pkg_config.sh PREFIX COMPILER SOURCE PROGRAM [FLAGS]: builds a C program by the flags of the installed waypost.pc.
set -euo pipefail
prefix=$1 compiler=$2 source=$3 program=$4 flags=${5:-}
pc=$(find "$prefix" -name waypost.pc | head -n 1)
[[ -n $pc ]] || { echo "no waypost.pc below $prefix" >&2; exit 1; }
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG_PATH
prefix_option=--define-variable=prefix=$prefix  # cmake --install --prefix moves what was configured
# shellcheck disable=SC2046,SC2086  # words on purpose
"$compiler" -std=c99 $flags "$source" $(pkg-config "$prefix_option" --cflags --libs waypost) -o "$program"
LD_LIBRARY_PATH=$(pkg-config "$prefix_option" --variable=libdir waypost) "$program"
