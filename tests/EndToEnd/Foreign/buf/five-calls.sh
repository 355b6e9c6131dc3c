#!/usr/bin/env bash
# The server by hand, with nothing but `buf curl` (npm install @bufbuild/buf): the server reflects its API, so no file is needed.
#
#   five-calls.sh 127.0.0.1:7070
#   five-calls.sh unix:/tmp/cocoguest-0/cocoguest.sock
#
# An empty `guest` is the guest "default", an empty `process` its long-lived init. Prints one line of JSON for each step: {"step":…,"answer":…}.
set -euo pipefail

buf=${BUF:-buf}
case ${1:?an address: HOST:PORT or unix:PATH} in
  unix:*) base=http://localhost how=(--unix-socket "${1#unix:}") ;;
  *) base=http://$1 how=() ;;
esac
guest=$base/cocoguest.v1.GuestService

call() { "$buf" curl --protocol grpc --http2-prior-knowledge "${how[@]}" "$@"; }
field() { sed -nE "s/.*\"$1\": *\"?([^\",}]*)\"?.*/\1/p" | head -1; }
step() { printf '{"step":"%s","answer":%s}\n' "$1" "$2"; }
lines() { sed -e 's/.*/"&"/' | paste -sd, - | sed -e 's/.*/[&]/'; }
flat() { tr -d '\n'; }

# What is there?
step services "$(call --list-services "$base" | lines)"
step methods "$(call --list-methods "$base" | lines)"

# The five calls: allocate a shared buffer, map it for a CPU, attach the built-in device emu0, map it for DMA, close it.
buffer=$(call -d '{"heap":"system_cc_shared","len":65536}' "$guest/AllocateBuffer" | flat)
step AllocateBuffer "$buffer"
fd=$(field fd <<<"$buffer")
mapped=$(call -d "{\"fd\":$fd}" "$guest/Mmap" | flat)
step Mmap "$mapped"
attached=$(call -d "{\"fd\":$fd}" "$guest/Attach" | flat)
step Attach "$attached"
attachment=$(field attachment <<<"$attached")
step MapDmaBuf "$(call -d "{\"attachment\":\"$attachment\"}" "$guest/MapDmaBuf" | flat)"
step Release "$(call -d "{\"fd\":$fd}" "$guest/Release" | flat)"

# The fd is closed, so this one is refused; buf prints the status and its google.rpc.ErrorInfo to stderr.
status=0
refusal=$(call -d "{\"fd\":$fd}" "$guest/StatBuffer" 2>&1 >/dev/null | flat) || status=$?
step refusal "${refusal:-null}"
step refusal_exit_status "$status"

# Init lives for ever: what it still holds has to be given back by hand. The mapping and the importer keep the buffer until then.
step UnmapDmaBuf "$(call -d "{\"attachment\":\"$attachment\"}" "$guest/UnmapDmaBuf" | flat)"
step Detach "$(call -d "{\"attachment\":\"$attachment\"}" "$guest/Detach" | flat)"
step Munmap "$(call -d "{\"address\":\"$(field address <<<"$mapped")\"}" "$guest/Munmap" | flat)"
