#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# Jobs that go on side by side until FOLDER/stop exists (tools/test-stress): each writes a line a round into its log in FOLDER, "round N:" and what
# must be the same in every round, or "failed" and why.
#
#     stress.sh FOLDER
folder=$1 files=$PWD

job() { # NAME: repeats the function of that name, which prints what its log gets
    name=$1 n=0
    while [ ! -e "$folder/stop" ]; do
        n=$((n + 1))
        said=$("$name" 2>"$folder/$name.said") || said="failed ($?)"
        echo "round $n: $said" >>"$folder/$name.log"
    done
}

compile() {
    rm -rf "$folder/build" && mkdir "$folder/build" && cd "$folder/build" &&
        ../source/configure -q --disable-nls --disable-gdb --disable-gprofng --disable-gprof --disable-ld --disable-gold CFLAGS=-O2 \
            >"$folder/make.said" 2>&1 && make -s -j4 MAKEINFO=true all-gas >>"$folder/make.said" 2>&1 &&
        echo "$(find . -name '*.o' | wc -l) objects $(find . -name '*.o' | sort | xargs sha256sum | sha256sum | cut -c -16)" \
            "$(gcc -O2 -S -o t.s "$files/threads.c" && ./gas/as-new t.s -o t.o && sha256sum t.o | cut -c -16)"
}

stressors() {
    stress-ng --verify --timeout 20 --temp-path "$folder" --cpu 1 --cpu-method all --vm 1 --vm-bytes 64M --fork 1 --switch 1 --mmap 1 --mmap-bytes 32M \
        --futex 2 --pipe 1 --signal 1 --atomic 2 --icache 1 --matrix 1 --sigsegv 1 --clone 1 1>&2 &&
        grep -q 'failed: 0' "$folder/stressors.said" && grep -q 'untrustworthy: 0' "$folder/stressors.said" && echo verified
}

threads() {
    gcc -O2 -ffp-contract=off -pthread -o "$folder/threads" threads.c -lm && "$folder/threads" | sha256sum | cut -c -16
}

node() {
    command node check.js | sha256sum | cut -c -16
}

java() {
    command java Check.java | sha256sum | cut -c -16
}

mkdir -p "$folder/source" && tar xf "$files"/binutils-*.tar.xz --strip-components=1 -C "$folder/source" || exit
job compile &
renice -n 10 $$ >/dev/null
for name in stressors threads node java; do
    job "$name" &
done
wait
