#!/usr/bin/env bash
# Runs every test. Installs what the tests need and the machine lacks, says plainly what it could not install, and ends with one line
# "N passed, N failed[, N skipped]" and a matching exit status.
#
#   ./test.sh              everything
#   ./test.sh Machine      one or more of: Machine Conformance Clients Service Allocations EndToEnd, in any case
#   ./test.sh --help       says this
#
# Installs go on while the build does; EndToEnd, which mostly waits for processes, runs beside the other projects, which take turns.
set -uo pipefail
cd "$(dirname "$0")" || exit 2

# --- what is asked for: before anything is made, installed or built -------------------------------------------------------------
known=(Machine Conformance Clients Service Allocations EndToEnd)

usage() {
  cat <<END
usage: ./test.sh [NAME...]

Runs every test, or those of the names, in any case: ${known[*]}.
Installs what they need and the machine lacks (as root, by apt-get and npm, into .test), builds all, and ends with a line
"N passed, N failed[, N skipped]" and a matching exit status. What was said is in .test/NAME.log.

One class or test: dotnet test -c Release tests/NAME --filter WORDS (CONTRIBUTING.md has more).
END
}

projects=()
for name in "$@"; do
  case $name in -h | --help | help)
    usage
    exit 0
  esac
  found=""
  for project in "${known[@]}"; do
    [ "${project,,}" = "${name,,}" ] && found=$project
  done
  if [ -z "$found" ]; then
    printf "test.sh: there is no '%s'; there are %s (./test.sh --help says more)\n" "$name" "${known[*]}" >&2
    exit 2
  fi
  # Twice is once.
  [[ " ${projects[*]-} " == *" $found "* ]] || projects+=("$found")
done
[ ${#projects[@]} -gt 0 ] || projects=("${known[@]}")

root=$PWD
work=$root/.test
mkdir -p "$work"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 TESTINGPLATFORM_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0

say() { printf '%s\n' "$*"; }
missing=$work/missing.txt
: >"$missing"

# --- what the tests need -------------------------------------------------------------------------------------------------------
apt_packages() {
  local wanted=() package
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || wanted+=("$package")
  done
  [ ${#wanted[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    return 1
  fi
  say "installing ${wanted[*]}"
  local install=(apt-get install -y -qq --no-install-recommends "${wanted[@]}")
  export DEBIAN_FRONTEND=noninteractive
  { "${install[@]}" || { apt-get update -qq; "${install[@]}"; }; } >"$work/apt.log" 2>&1
}

pictures() {
  [ -d "$work/pictures/usr" ] && return 0
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || return 1
  say "unpacking desktop-base for its pictures"
  mkdir -p "$work/pictures"
  ( cd "$work/pictures" && { apt-get download -qq desktop-base || { apt-get update -qq && apt-get download -qq desktop-base; }; } \
    && dpkg -x desktop-base_*.deb . ) >"$work/pictures.log" 2>&1
}

node_packages() {
  command -v node >/dev/null && command -v npm >/dev/null || apt_packages nodejs npm || return 1
  [ -x "$work/node/node_modules/.bin/buf" ] && [ -d "$work/node/node_modules/@grpc/grpc-js" ] && [ -d "$work/node/node_modules/@grpc/proto-loader" ] && return 0
  say "installing buf, @grpc/grpc-js and @grpc/proto-loader"
  mkdir -p "$work/node" && cp tests/EndToEnd/Foreign/node/{package.json,package-lock.json,.npmrc} "$work/node/" || return 1
  # Not `npm ci`: buf has one optional package for each system, a registry may lack those of other systems, and `ci` insists on all.
  npm install --prefix "$work/node" --no-audit --no-fund --silent >"$work/npm.log" 2>&1
}

# Of the kernel's source only its self-tests of dma-buf and what builds them are kept: 2 MB of 150.
kernel_tests() {
  local version=6.12 folder=$work/kernel
  [ -f "$folder/tools/testing/selftests/dmabuf-heaps/dmabuf-heap.c" ] && return 0
  command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 1
  apt_packages make xz-utils || return 1
  say "fetching linux-source-$version for the kernel's self-tests (150 MB, once)"
  local top=linux-source-$version unpacking=$work/kernel.unpacking
  rm -rf "$unpacking" && mkdir -p "$unpacking" || return 1
  ( cd "$unpacking" && { apt-get download -qq "$top" || { apt-get update -qq && apt-get download -qq "$top"; }; } \
    && dpkg-deb --fsys-tarfile "$top"_*.deb | tar -xO "./usr/src/$top.tar.xz" \
      | tar -xJ --strip-components=1 "$top"/tools/testing/selftests/{dmabuf-heaps,drivers/dma-buf,lib.mk,kselftest.h,kselftest_harness.h} \
        "$top"/{tools/scripts,scripts/subarch.include,include/uapi/drm} \
    && rm -f "$top"_*.deb ) >"$work/kernel.log" 2>&1 && mv "$unpacking" "$folder"
}

want() { # name, what is skipped without it, command...
  local name=$1 skipped=$2
  shift 2
  "$@" || say "$name: not installed here, so these are skipped: $skipped" >>"$missing"
}

install() {
  # All at once, which is quickest; what is still missing then is tried by itself, so that one that fails does not take others along.
  apt_packages python3 python3-grpcio python3-protobuf protobuf-compiler protobuf-compiler-grpc libprotobuf-dev gcc libc6-dev cmake make \
    pkg-config xz-utils busybox-static libdrm-tests podman runc netavark golang-go
  want "Debian's python3-grpcio and protoc" "the Python client" apt_packages python3 python3-grpcio python3-protobuf \
    protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  want "a C compiler with its library" "the C programs under coco run, the probe and the kernel's self-tests" apt_packages gcc libc6-dev
  want "CMake and pkg-config" "the C client" apt_packages cmake make pkg-config
  want "Debian's busybox-static" "the static program under coco run" apt_packages busybox-static
  want "Debian's libdrm-tests" "libdrm's drmdevice under coco run" apt_packages libdrm-tests
  want "podman with runc" "the self-test in a container" apt_packages podman runc netavark
  want "Debian's golang-go" "the Go program under coco run" apt_packages golang-go
  want "npm's buf and @grpc/grpc-js" "buf curl, buf lint and the Node client" node_packages
  want "real pictures (Debian's desktop-base, unpacked, not installed)" "the demo on real pictures" pictures
  want "the kernel's self-tests (Debian's linux-source-6.12)" "the kernel's self-tests under coco run" kernel_tests
}

installing=""
if [[ " ${projects[*]} " == *" EndToEnd "* ]]; then
  install &
  installing=$!
fi
export COCOGUEST_TEST_NODE_MODULES=$work/node/node_modules COCOGUEST_TEST_PICTURES=$work/pictures COCOGUEST_TEST_KERNEL=$work/kernel COCOGUEST_TEST_ROOT=$root

# --- build ---------------------------------------------------------------------------------------------------------------------
say "building"
# One compiler server for all projects, of this run alone; it is stopped again, so that nothing of the tests stays behind.
compiler=cocoguest-test-$$
trap 'pkill -f -- "-pipename:$compiler"' EXIT
if ! dotnet build CocoGuest.sln -c Release -v quiet -nologo -p:UseSharedCompilation=true -p:SharedCompilationId=$compiler >"$work/build.log" 2>&1; then
  grep -E 'error' "$work/build.log" | sort -u | head -40
  wait
  say "the build failed; all of it is in .test/build.log"
  say "0 passed, 1 failed"
  exit 1
fi
say "built after $SECONDS s"

# --- run -----------------------------------------------------------------------------------------------------------------------
# A project in which no test ends for so long is dumped and ended; the log names the tests that ran.
hang=(--hangdump --hangdump-timeout 15m --hangdump-type Mini --results-directory "$work/results")

run() { # project
  local program=tests/$1/bin/Release/net10.0/CocoGuest.Tests.$1 log=$work/$1.log began=$SECONDS
  if [ "$1" = Allocations ]; then
    dotnet tests/Benchmarks/bin/Release/net10.0/CocoGuest.Tests.Benchmarks.dll allocations >"$log" 2>&1
  else
    # Who starts this may ignore signals, as nohup and background jobs do; the programs under test must not inherit that.
    env --default-signal=HUP,INT,QUIT "$program" --no-ansi --progress off --show-slowest-tests 10 "${hang[@]}" >"$log" 2>&1
  fi
  echo $? >"$work/$1.status"
  say "$1 took $((SECONDS - began)) s"
}

count() { sed -nE "s/^  $2: ([0-9]+)\$/\1/p" "$work/$1.log" | tail -1; }

passed=0 failed=0 skipped=0
report() { # project
  local log=$work/$1.log status p f s
  status=$(cat "$work/$1.status")
  if [ "$1" = Allocations ]; then
    p=$((status == 0)) f=$((status != 0)) s=0
  else
    p=$(count "$1" succeeded) f=$(count "$1" failed) s=$(count "$1" skipped)
  fi
  if [ -z "$p$f$s" ] || { [ "$status" -ne 0 ] && [ "${f:-0}" -eq 0 ]; }; then
    say "$1 did not run to its end (exit status $status); the last lines of .test/$1.log:"
    tail -20 "$log"
    failed=$((failed + 1))
  fi
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
  say "$1: ${p:-0} passed, ${f:-0} failed, ${s:-0} skipped"
  grep -a -A1 -E '^skipped ' "$log" | sed -E '/^--$/d; s/^/  /'
  grep -a -E '^failed ' "$log" | sed -E 's/^/  /'
  [ "${f:-0}" -eq 0 ] || { say "  from .test/$1.log:"; grep -a -A25 -E '^failed |FAILED' "$log" | head -120; }
}

rm -f "$work"/*.status
# EndToEnd begins when the installs are over, the others at once.
others() {
  local project
  for project in "${projects[@]}"; do
    [ "$project" = EndToEnd ] || run "$project"
  done
}
others &
if [ -n "$installing" ]; then
  wait "$installing"
  run EndToEnd
fi
wait
for project in "${projects[@]}"; do report "$project"; done

cat "$missing"
if [ "$skipped" -gt 0 ]; then say "$passed passed, $failed failed, $skipped skipped"; else say "$passed passed, $failed failed"; fi
[ "$failed" -eq 0 ]
