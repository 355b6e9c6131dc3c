#!/usr/bin/env bash
# Runs every test. Installs what the tests need and the machine lacks, says plainly what it could not install, and ends with one line
# "N passed, N failed[, N skipped]" and a matching exit status.
#
#   ./test.sh              everything
#   ./test.sh Machine      one or more of: Machine Conformance Clients Service EndToEnd
set -uo pipefail
cd "$(dirname "$0")" || exit 2
root=$PWD
work=$root/.test
mkdir -p "$work"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0

projects=("$@")
[ ${#projects[@]} -gt 0 ] || projects=(Machine Conformance Clients Service EndToEnd)

say() { printf '%s\n' "$*"; }
missing=()

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
  "$@" || missing+=("$name: not installed here, so these are skipped: $skipped")
}

if [[ " ${projects[*]} " == *" EndToEnd "* ]]; then
  want "Debian's python3-grpcio and protoc" "the Python client" apt_packages python3 python3-grpcio python3-protobuf \
    protobuf-compiler protobuf-compiler-grpc libprotobuf-dev
  want "real pictures (Debian's desktop-base, unpacked, not installed)" "the demo on real pictures" pictures
  want "npm's buf and @grpc/grpc-js" "buf curl, buf lint and the Node client" node_packages
  want "a C compiler with its library" "the C programs under coco run, the probe and the kernel's self-tests" apt_packages gcc libc6-dev
  want "CMake and pkg-config" "the C client" apt_packages cmake make pkg-config
  want "Debian's busybox-static" "the static program under coco run" apt_packages busybox-static
  want "Debian's libdrm-tests" "libdrm's drmdevice under coco run" apt_packages libdrm-tests
  want "podman with runc" "the self-test in a container" apt_packages podman runc netavark
  want "Debian's golang-go" "the Go program under coco run" apt_packages golang-go
  want "the kernel's self-tests (Debian's linux-source-6.12)" "the kernel's self-tests under coco run" kernel_tests
fi
export COCOGUEST_TEST_NODE_MODULES=$work/node/node_modules COCOGUEST_TEST_PICTURES=$work/pictures COCOGUEST_TEST_KERNEL=$work/kernel COCOGUEST_TEST_ROOT=$root

# --- build and run -------------------------------------------------------------------------------------------------------------
say "building"
# One compiler server for all projects; it is stopped again, so that nothing of the tests stays behind.
trap 'dotnet build-server shutdown --vbcscompiler >/dev/null 2>&1' EXIT
if ! dotnet build CocoGuest.sln -c Release -v quiet -nologo -p:UseSharedCompilation=true >"$work/build.log" 2>&1; then
  grep -E 'error' "$work/build.log" | sort -u | head -40
  say "the build failed; all of it is in .test/build.log"
  say "0 passed, 1 failed"
  exit 1
fi

passed=0 failed=0 skipped=0
for project in "${projects[@]}"; do
  log=$work/$project.log
  say "testing $project"
  timeout 1500 dotnet test "tests/$project" -c Release --no-build --nologo -v quiet --logger 'console;verbosity=normal' >"$log" 2>&1
  status=$?
  p=$(sed -nE 's/^ *Passed: ([0-9]+)$/\1/p' "$log" | tail -1)
  f=$(sed -nE 's/^ *Failed: ([0-9]+)$/\1/p' "$log" | tail -1)
  s=$(sed -nE 's/^ *Skipped: ([0-9]+)$/\1/p' "$log" | tail -1)
  if [ -z "$p$f$s" ] || { [ "$status" -ne 0 ] && [ "${f:-0}" -eq 0 ]; }; then
    say "  $project did not run to its end (exit status $status); the last lines of .test/$project.log:"
    tail -20 "$log"
    failed=$((failed + 1))
  fi
  passed=$((passed + ${p:-0})) failed=$((failed + ${f:-0})) skipped=$((skipped + ${s:-0}))
  say "  ${p:-0} passed, ${f:-0} failed, ${s:-0} skipped"
  grep -A1 -E '\[SKIP\]' "$log" | sed -E '/^--$/d; s/^\[xUnit.net [0-9:.]+\]/ /'
  grep -E '\[FAIL\]' "$log" | sed -E 's/^\[xUnit.net [0-9:.]+\]/ /'
  [ "${f:-0}" -eq 0 ] || { say "  from .test/$project.log:"; grep -A25 -E '^ +Failed |\[FAIL\]' "$log" | head -120; }
done

for line in "${missing[@]+"${missing[@]}"}"; do say "$line"; done
if [ "$skipped" -gt 0 ]; then say "$passed passed, $failed failed, $skipped skipped"; else say "$passed passed, $failed failed"; fi
[ "$failed" -eq 0 ]
