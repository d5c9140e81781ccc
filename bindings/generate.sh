#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Regenerates bindings/java from the CUDA headers, or checks that it is what the headers give.
#
#   bindings/generate.sh            replaces bindings/java
#   bindings/generate.sh --check    generates elsewhere and compares; exits 1 on a difference
#
# Read from the environment:
#   JEXTRACT          an installed jextract, or
#   JEXTRACT_SOURCE   the source tree of openjdk/jextract; it is compiled with JAVA_HOME's javac (25 or newer), and
#   LIBCLANG          libclang's shared library (file), which jextract's source needs
#   CUDA_INCLUDE      folders, separated by colons, that hold cuda.h, cublas_v2.h and nvrtc.h
#   COMPILER_INCLUDE  the folder of stddef.h; default: that of gcc
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() {
    printf 'generate.sh: %s\n' "$1" >&2
    exit 1
}

check=
case ${1:-} in
    '') ;;
    --check) check=yes ;;
    *) fail "unknown argument $1; the head of this file says how to use it" ;;
esac
[ -n "${CUDA_INCLUDE:-}" ] || fail "set CUDA_INCLUDE to the folders of cuda.h, cublas_v2.h and nvrtc.h"
compiler_include=${COMPILER_INCLUDE:-$(gcc -print-file-name=include)}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# --- jextract --------------------------------------------------------------------------------------------------------

if [ -n "${JEXTRACT:-}" ]; then
    jextract=("$JEXTRACT")
elif [ -n "${JEXTRACT_SOURCE:-}" ]; then
    [ -f "${LIBCLANG:-}" ] || fail "set LIBCLANG to libclang's shared library, for example …/libclang.so.1"
    [ -x "${JAVA_HOME:-}/bin/javac" ] || fail "set JAVA_HOME to a JDK 25 or newer"
    find "$JEXTRACT_SOURCE/src/main/java" -name '*.java' >"$work/sources"
    "$JAVA_HOME/bin/javac" -nowarn -d "$work/jextract" "@$work/sources"
    # The templates of the generated code; without them jextract starts, and fails at the first header.
    cp -r "$JEXTRACT_SOURCE"/src/main/resources/. "$work/jextract/"
    mkdir "$work/libclang"
    ln -s "$(readlink -f "$LIBCLANG")" "$work/libclang/libclang.so"
    jextract=("$JAVA_HOME/bin/java" --enable-native-access=org.openjdk.jextract
        "-Djava.library.path=$work/libclang" -p "$work/jextract"
        -m org.openjdk.jextract/org.openjdk.jextract.JextractTool)
else
    fail "set JEXTRACT, or JEXTRACT_SOURCE and LIBCLANG"
fi

# --- Generate --------------------------------------------------------------------------------------------------------

includes=(-I "$compiler_include")
IFS=: read -r -a folders <<<"$CUDA_INCLUDE"
for folder in "${folders[@]}"; do includes+=(-I "$folder"); done

# header_of NAME: its first occurrence in CUDA_INCLUDE.
header_of() {
    local folder
    for folder in "${folders[@]}"; do
        if [ -f "$folder/$1" ]; then
            printf '%s\n' "$folder/$1"
            return
        fi
    done
    fail "no $1 in $CUDA_INCLUDE"
}

# generate NAME CLASS HEADER LIBRARY
generate() {
    local header log=$work/$1.log package=$work/java/dev/darien/bindings/$1 file kind name missing=
    header=$(header_of "$3")
    "${jextract[@]}" "@$here/$1.args" "${includes[@]}" --output "$work/java" "$header" >"$log" 2>&1 || {
        cat "$log" >&2
        fail "jextract failed on $3"
    }

    # jextract passes over a name that the header doesn't declare, without a word: cuMemAlloc, say, which is a macro for
    # cuMemAlloc_v2.
    while read -r kind name; do
        case $kind in
            --include-function | --include-constant)
                grep -qE "^    public static .* $name\(" "$package/$2.java" || missing+=" $name"
                ;;
            --include-struct | --include-typedef) [ -f "$package/$name.java" ] || missing+=" $name" ;;
        esac
    done <"$here/$1.args"
    [ -z "$missing" ] || fail "$3 declares none of these, which $1.args asks for:$missing"

    # By default symbols are looked for among what the class loader has loaded. Ours are opened when first called.
    perl -0pi -e 's/SymbolLookup SYMBOL_LOOKUP = SymbolLookup\.loaderLookup\(\)\s*\.or\(Linker\.nativeLinker\(\)\.defaultLookup\(\)\);/SymbolLookup SYMBOL_LOOKUP =\n            dev.darien.bindings.NativeLibraries.symbols(dev.darien.bindings.NativeLibrary.'"$4"');/' \
        "$package/$2.java"
    grep -q "NativeLibrary.$4);" "$package/$2.java" || fail "$2.java has no SYMBOL_LOOKUP as expected; another jextract?"

    # Calling native code is what these classes are for; the rest of the build keeps the warning.
    for file in "$package"/*.java; do
        perl -0pi -e 's/\A/\/\/ SPDX-License-Identifier: Apache-2.0\n/; s/^public class /\@SuppressWarnings("restricted")\npublic class /m' \
            "$file"
    done
}

generate cuda Cuda cuda.h CUDA
generate cublas Cublas cublas_v2.h CUBLAS
generate nvrtc Nvrtc nvrtc.h NVRTC

if [ -n "$check" ]; then
    diff -r "$here/java" "$work/java" || fail "bindings/java isn't what these headers give"
    printf 'bindings/java is what these headers give\n'
else
    rm -rf "$here/java"
    cp -r "$work/java" "$here/java"
    printf 'regenerated %s files\n' "$(find "$here/java" -name '*.java' | wc -l)"
fi
