#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the host stand-in from its own sources and the kernels.
#
#   native/standin/build.sh OUT_FOLDER [KERNEL.cu…]
#
# Writes OUT_FOLDER/libdarien-standin.so and compiles only what has changed since the last time; a build that fails
# leaves the old library alone. Takes native/kernels/*.cu unless other kernel files are named. CXX is the compiler
# (g++ 12 or newer), STANDIN_FLAGS are further flags for every file.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
[ $# -ge 1 ] || {
    echo 'usage: native/standin/build.sh OUT_FOLDER [KERNEL.cu…]' >&2
    exit 2
}
mkdir -p "$1/objects"
out=$(cd "$1" && pwd)
shift
kernels=()
for file in "$@"; do
    kernels+=("$(cd "$(dirname "$file")" && pwd)/$(basename "$file")")
done
if [ ${#kernels[@]} -eq 0 ]; then
    shopt -s nullglob
    kernels=("$root"/native/kernels/*.cu)
    shopt -u nullglob
fi

cxx=${CXX:-g++}
command -v "${cxx%% *}" >/dev/null || {
    echo "standin: the compiler $cxx was not found; install g++ 12 or newer, or name one in CXX." >&2
    exit 1
}

# Of two builds into the same folder, one waits.
if command -v flock >/dev/null; then
    exec 9>"$out/objects/lock"
    flock 9
fi

# Paths are shown, in messages and by the kernels' checks, as seen from the root.
cd "$root"
relative() { printf '%s' "${1#"$root"/}"; }

# _FORTIFY_SOURCE, on by default on some systems, takes a jump from one stack to another for an attack.
common="-std=c++17 -g1 -fPIC -fvisibility=hidden -pthread -ffp-contract=off -fno-math-errno -Wall -Wextra -U_FORTIFY_SOURCE"
common="$common -Inative/standin ${STANDIN_FLAGS:-}"
library="-O2"
# Kernels read and write floats as float4 and the like, which nvcc allows and C++ does not. -fsanitize: sanitizer.cpp.
kernel="-x c++ -DDARIEN_STANDIN -O2 -fno-strict-aliasing -Inative/kernels -Wno-unknown-pragmas -Wno-unused-parameter
    -Wno-unused-function -Wno-sign-compare -fsanitize=alignment,bounds,shift-exponent,integer-divide-by-zero -fno-sanitize-recover=all"

# One line per object: name, source, flags. The marks go around the kernels, because the linker keeps this order.
plan() {
    local source
    for source in native/standin/*.cpp; do
        case $source in
            */shared_mark.cpp) ;;
            */gemm.cpp) printf '%s\t%s\t%s\n' gemm "$source" "$common -O3" ;;
            *) printf '%s\t%s\t%s\n' "$(basename "$source" .cpp)" "$source" "$common $library" ;;
        esac
    done
    printf '%s\t%s\t%s\n' shared_begin native/standin/shared_mark.cpp "$common $library"
    for source in ${kernels[@]+"${kernels[@]}"}; do
        printf '%s\t%s\t%s\n' "kernel_$(basename "$source" .cu)" "$(relative "$source")" "$common $(echo $kernel)"
    done
    printf '%s\t%s\t%s\n' shared_end native/standin/shared_mark.cpp "$common $library -DSTANDIN_SHARED_END"
}

# Whether an object is there, was made by the same command, and is no older than anything it was made from.
fresh() {
    local object=$1 command=$2 dependency
    [ -f "$object" ] && [ -f "$object.d" ] && [ "$(cat "$object.command" 2>/dev/null)" = "$command" ] || return 1
    for dependency in $(sed -e 's/^[^:]*://' -e 's/\\$//' "$object.d"); do
        [ -e "$dependency" ] && ! [ "$dependency" -nt "$object" ] || return 1
    done
}

version=$("$cxx" -dumpfullversion 2>/dev/null || "$cxx" -dumpversion)
cores=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
objects=()
compiled=0
running=0
failed=0
while IFS=$'\t' read -r name source flags; do
    object="$out/objects/$name.o"
    command="$cxx $version $flags $source"
    objects+=("$object")
    fresh "$object" "$command" && continue
    compiled=$((compiled + 1))
    rm -f "$object.command"
    {
        # shellcheck disable=SC2086 # the flags are many words
        $cxx $flags -MMD -MF "$object.d" -MT object -c "$source" -o "$object.new" &&
            mv "$object.new" "$object" && printf '%s' "$command" >"$object.command"
    } &
    running=$((running + 1))
    if [ "$running" -ge "$cores" ]; then
        wait -n || failed=1
        running=$((running - 1))
    fi
done < <(plan)
while [ "$running" -gt 0 ]; do
    wait -n || failed=1
    running=$((running - 1))
done
[ "$failed" -eq 0 ] || {
    echo 'standin: not built.' >&2
    exit 1
}

target=$out/libdarien-standin.so
if [ "$compiled" -gt 0 ] || ! [ -f "$target" ] || [ "$(cat "$target.objects" 2>/dev/null)" != "${objects[*]}" ]; then
    # nodelete: a signal handler must not be unmapped.
    $cxx -shared -pthread -Wl,-soname,libdarien-standin.so -Wl,-Bsymbolic -Wl,-z,nodelete -Wl,--no-undefined \
        "${objects[@]}" -o "$target.new"
    mv "$target.new" "$target"
    printf '%s' "${objects[*]}" >"$target.objects"
fi
echo "standin: $target, ${#kernels[@]} kernel files, $compiled of ${#objects[@]} files compiled"
