#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Compiles native/kernels/*.cu to the PTX that is committed and shipped in the jar, with nvcc 12 or newer. Never run by
# Maven: the jar must not depend on the machine. With --check it compares instead, and fails if they differ.
#
#   NVCC   the compiler, nvcc if not set
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=native/kernels
target=src/main/resources/dev/darien/device/cuda
nvcc=${NVCC:-nvcc}

command -v "$nvcc" >/dev/null || {
    echo "build-ptx: $nvcc is not there; install the CUDA toolkit or set NVCC." >&2
    exit 1
}

version=$("$nvcc" --version | sed -n 's/.*, \(V[0-9.]*\)$/\1/p')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for source in "$sources"/*.cu; do
    name=$(basename "$source" .cu)
    "$nvcc" -std=c++17 -arch=compute_75 -ptx -O3 "$source" -o "$work/$name.out"
    # What decides this PTX: a test compares it with what the PTX says of itself.
    hash=$(cat "$source" $(LC_ALL=C ls "$sources"/*.cuh) | sha256sum | cut -d ' ' -f 1)
    # PTX 7.0 is enough for what the kernels use, and loads on drivers from CUDA 11 on; ptxas confirms that.
    {
        printf '// Compiled from native/kernels/%s.cu by native/build-ptx.sh, nvcc %s; do not edit.\n' "$name" "$version"
        printf '// sha256 of it and the .cuh files: %s\n' "$hash"
        sed -e '/^\/\//d' -e 's/^\.version .*/.version 7.0/' "$work/$name.out"
    } >"$work/$name.ptx"
    if command -v ptxas >/dev/null; then
        for architecture in sm_75 sm_80 sm_90; do
            ptxas -arch="$architecture" "$work/$name.ptx" -o "$work/$name.cubin"
        done
    fi
done

if [ "${1:-}" = --check ]; then
    for made in "$work"/*.ptx; do
        cmp "$made" "$target/$(basename "$made")"
    done
    echo "build-ptx: the committed PTX is what the sources give."
else
    mkdir -p "$target"
    rm -f "$target"/*.ptx
    cp "$work"/*.ptx "$target/"
    echo "build-ptx: $(cat "$target"/*.ptx | grep -c '\.entry') kernels in $(ls "$target"/*.ptx | wc -l) files."
fi
