# Shared by the scripts beside it; sourced, not run. Sets `root` and changes into it.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

jobs=${WAYPOST_JOBS:-$(nproc)}
logs=$root/build/logs
mkdir -p "$logs"

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'
else
  bold='' dim='' plain=''
fi

title() { printf '\n%s== %s ==%s\n' "$bold" "$*" "$plain"; }

# Prints the comment that a script opens with, as its help.
usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1"; }

# quietly LOG COMMAND...: runs the command with its output in build/logs/LOG; shows the end of it when it fails.
quietly() {
  local log=$logs/$1
  shift
  if ! "$@" > "$log" 2>&1; then
    grep -E -A 12 '(error|Error|FAILED|fatal):?' "$log" | head -n 60 >&2 || true
    echo "failed: $*" >&2
    echo "whole output: $log" >&2
    return 1
  fi
}

# build PRESET [CMAKE-BUILD-ARGUMENT...]: configures and builds one preset.
build() {
  local preset=$1 begin=$SECONDS
  shift
  quietly "$preset-configure.log" cmake --preset "$preset" || return 1
  if [[ -t 1 ]]; then
    cmake --build --preset "$preset" -j "$jobs" "$@" || return 1
  else
    quietly "$preset-build.log" cmake --build --preset "$preset" -j "$jobs" "$@" || return 1
  fi
  echo "built '$preset' in $((SECONDS - begin)) s"
}
