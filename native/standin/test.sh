#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the host stand-in with its own test kernels, tests it, and makes sure that each check can fail.
#
#   native/standin/test.sh [--ptx | --timing] [OUT_FOLDER]
#
# Needs g++. With nvcc the test kernels are compiled to PTX, which proves that they are CUDA and serves the tests; else
# test/ptx/ does, which has just the kernels' heads. With a JDK 25 or newer it is tested in a JVM too.
# --ptx writes test/ptx/ anew; --timing prints how long some things take.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
action=test
case ${1:-} in
    --*) action=${1#--} && shift ;;
esac
out=${1:-target/standin-test}
mkdir -p "$out"
out=$(cd "$out" && pwd)
cxx=${CXX:-g++}
kernels=(native/standin/test/sums.cu native/standin/test/features.cu native/standin/test/faulty.cu)
failures=0

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# The heads of the kernels in a PTX file: what the stand-in reads of it.
heads() {
    awk '
        /^\.(version|target|address_size)/ { print }
        /\.entry / { inside = 1; body = 0 }
        !inside { next }
        /^\{/ { body = 1; print; next }
        /^\}/ { print "\tret;\n}\n"; inside = 0; next }
        !body || /\.shared / { print }
    ' "$1"
}

if command -v nvcc >/dev/null; then
    echo "nvcc $(nvcc --version | sed -n 's/.*release \([^,]*\),.*/\1/p'): the test kernels are CUDA"
    ptx=$out/ptx
    mkdir -p "$ptx"
    for file in "${kernels[@]}"; do
        name=$(basename "$file" .cu)
        nvcc -std=c++17 -arch=compute_75 -ptx -O3 -Inative/kernels "$file" -o "$ptx/$name.ptx"
        {
            echo '// SPDX-License-Identifier: Apache-2.0'
            echo "// The heads of the kernels in $name.cu, as nvcc writes them; made by native/standin/test.sh --ptx."
            heads "$ptx/$name.ptx"
        } >"$ptx/$name.heads"
        if [ "$action" = ptx ]; then
            cp "$ptx/$name.heads" "native/standin/test/ptx/$name.ptx"
        fi
        cmp -s "$ptx/$name.heads" "native/standin/test/ptx/$name.ptx" ||
            fail "native/standin/test/ptx/$name.ptx is stale: native/standin/test.sh --ptx"
    done
else
    echo 'no nvcc: with the committed PTX'
    ptx=$PWD/native/standin/test/ptx
fi
[ "$action" = ptx ] && exit "$failures"

program() {
    $cxx -std=c++17 -O1 -g -Wall -Wextra -pthread "${@:2}" -o "$out/$1" "$out/libdarien-standin.so" \
        -Wl,-rpath,'$ORIGIN'
}

native/standin/build.sh "$out" "${kernels[@]}"
if [ "$action" = timing ]; then
    program timing native/standin/test/programs/timing.cpp
    exec "$out/timing" "$ptx"
fi
program tests native/standin/test/*.cpp
program workload native/standin/test/programs/workload.cpp

echo '== tests'
"$out/tests" "$ptx" || fail 'tests'
DARIEN_STANDIN_GUARD=0 "$out/workload" "$ptx" || fail 'the workload without a signal handler'
"$out/tests" native/standin/test/ptx >/dev/null || fail 'tests with the committed PTX'

echo '== the same with ucontext for the switch between threads'
STANDIN_FLAGS=-DSTANDIN_UCONTEXT native/standin/build.sh "$out/ucontext" "${kernels[@]}"
LD_LIBRARY_PATH=$out/ucontext "$out/tests" "$ptx" || fail 'tests with ucontext'

echo '== what the library shows'
{
    grep -ohE '\b(cu[A-Z]|cublas[A-Z])[A-Za-z0-9]*(_v2)?\(' native/standin/cu{da,blas}_api.h
    grep -ohE '^STANDIN_EXPORT .*\b(nvrtc|darien_standin_)[A-Za-z_]+\(' native/standin/*.cpp | sed -E 's/.* //'
} | tr -d '(' | sort >"$out/expected-symbols"
nm -D --defined-only "$out/libdarien-standin.so" | awk '{ print $3 }' | sort >"$out/symbols"
diff "$out/expected-symbols" "$out/symbols" || fail 'other symbols than the headers declare'

# A program with one mistake must fail, and for the right reason; without, in the same mode, it must not.
mistake() {
    local mode=$1 name=$2 reason=$3
    if DARIEN_STANDIN_DEFERRED=$mode "$out/workload" "$ptx" "$name" >"$out/log" 2>&1; then
        fail "the mistake $name isn't noticed (deferred: $mode)"
    elif ! grep -qF -- "$reason" "$out/log"; then
        fail "the mistake $name is noticed for another reason than \"$reason\": $(cat "$out/log")"
    fi
}
echo '== mistakes of the host program'
for mode in 0 1; do
    DARIEN_STANDIN_DEFERRED=$mode "$out/workload" "$ptx" || fail "the workload without a mistake (deferred: $mode)"
    DARIEN_STANDIN_DEFERRED=$mode DARIEN_STANDIN_SHUFFLE=3 DARIEN_STANDIN_HIDE=1 "$out/workload" "$ptx" ||
        fail "the workload without a mistake, shuffled and hidden (deferred: $mode)"
    mistake $mode double-free 'cuMemFree_v2: 0x'
    mistake $mode use-after-free 'which was freed'
    mistake $mode copy-past-end 'run past its end'
    mistake $mode wrong-thread 'no context is current on this thread'
    mistake $mode leak 'leaked 0x'
    mistake $mode stale-context 'was destroyed'
done
mistake 1 early-reuse 'wrong sum'
mistake 1 early-free 'which was freed'
mistake 1 missing-wait 'wrong sum'
mistake 1 missing-synchronise 'wrong sum'

echo '== mistakes of a kernel'
mutant() {
    mkdir -p "$out/$1"
    cp -rp "$out/objects" "$out/$1/"
    KERNEL_FLAGS=-D$1 native/standin/build.sh "$out/$1" "${kernels[@]}" >/dev/null
}
mutant MUTANT_NO_BARRIER
seeds=0
for seed in 1 2 3 4 5 6 7 8; do
    DARIEN_STANDIN_SHUFFLE=$seed LD_LIBRARY_PATH=$out/MUTANT_NO_BARRIER "$out/workload" "$ptx" >"$out/log" 2>&1 ||
        seeds=$((seeds + 1))
done
[ "$seeds" -ge 6 ] || fail "a missing barrier shows with only $seeds of 8 orders"
mutant MUTANT_TYPE
if LD_LIBRARY_PATH=$out/MUTANT_TYPE "$out/workload" "$ptx" >"$out/log" 2>&1 ||
    ! grep -q 'the PTX is stale' "$out/log"; then
    fail "a changed parameter with the old PTX isn't noticed"
fi

cuda=${CUDA_HOME:-/usr/local/cuda}/include
if [ -f "$cuda/cuda.h" ]; then
    echo "== against NVIDIA's header"
    {
        echo '#include <cuda.h>'
        sed -nE 's/^ *(CU[A-Z_0-9]+) = ([0-9]+),?$/static_assert(int(\1) == \2, "\1");/p' native/standin/cuda_api.h
        sed -nE 's/^enum \{ (.*) \};$/\1/p' native/standin/cuda_api.h | tr ',' '\n' |
            sed -nE 's/^ *(CU[A-Z_0-9]+) = ([0-9]+)$/static_assert(int(\1) == \2, "\1");/p'
    } >"$out/values.cpp"
    [ "$(wc -l <"$out/values.cpp")" -gt 100 ] || fail 'too few values found in cuda_api.h'
    for file in "$out/values.cpp" native/standin/*.cpp; do
        $cxx -std=c++17 -fsyntax-only -fvisibility=hidden -DSTANDIN_NVIDIA_HEADERS -isystem "$cuda" \
            -Inative/standin "$file" ||
            fail "$file doesn't fit NVIDIA's header"
    done
fi

echo '== in a JVM'
java=
for home in "${JAVA_HOME:-/nonexistent}" /usr/lib/jvm/* /opt/*; do
    if grep -qE '^JAVA_VERSION="(2[5-9]|[3-9][0-9])' "$home/release" 2>/dev/null; then
        java=$home/bin/java
    fi
done
if [ -n "$java" ]; then
    "$java" --enable-native-access=ALL-UNNAMED native/standin/test/InJvm.java "$out/libdarien-standin.so" "$ptx" ||
        fail 'in a JVM'
else
    echo 'no JDK 25 or newer: not tested'
fi

[ "$failures" -eq 0 ] || {
    echo "standin: $failures failures" >&2
    exit 1
}
echo 'standin: all passed'
