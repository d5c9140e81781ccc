#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the page of a comparison that ci/compare-pytorch has measured: cpu_page.py RESULT.json OUT.md"""
import json
import os
import pathlib
import re
import statistics
import sys
import textwrap

HOW = """
## What runs

| | |
|---|---|
| Darien | `StepBenchmark`: the step of `darien train --aux none --clip none`, decoder projection, fused Adam and normalisation included; `encode` packs the weights anew each time, as a training step has to; `sgemm` is `Kernels.multiply`, which stores the product |
| dense | autograd through B×F codes, as dictionary_learning and SAELens train: `linear`, `topk(sorted=False)`, `scatter` into zeros, `addmm`, `backward`; JumpReLU's `autograd.Function` with its backward written out |
| sparse | nothing of size B×F but the pre-activations: `linear`, `topk` (or, *grouped*, the k largest maxima of groups of 16 and then the k largest within those groups), `_embedding_bag` to decode, its `per_sample_weights` backward for the codes' gradients, and for the weights' gradients products of sparse CSR matrices (MKL), `embedding_bag`'s dense backward, or gathered rows with `index_add_`. Whichever of these is fastest here; without autograd |
| both | `_fused_adam_`; the decoder's gradient without its part along the rows before, rows divided by their norms after it, in place |
| encode | `linear` and `topk(sorted=False)` |
| sgemm | `mm` into a matrix that is there |
| stock | PyTorch as it is installed |
| tuned | the same, told by a preloaded function of two lines (`ci/peers/mkl_avx512.c`) that the processor is Intel's: MKL keeps its AVX-512 code to those |

The same data (sums of a few of 2·d directions, with noise), the same initial weights, the same number of threads.
PyTorch's side calls the operators from C++ (`ci/peers/cpu_pytorch.cpp`), so it pays nothing for Python, and its allocator
keeps freed memory, so that a step's tensors are no new pages. `torch.compile` exists only in Python, and Python's
PyTorch could not be installed where this was measured. JumpReLU and ReLU have as many active latents as TopK, by one
threshold or bias for all; Adam's rate is so small that they keep them.

Both programs stay alive and take turns, in reversed order every other round; one waits for its next command while the
other works. A ratio is one of a round, the table has the median and, in brackets, the least and the greatest. CPU time
of one thread says the same with less disturbance by others on the machine.

Of Darien's parts, selection is what `encodeTopK` takes beyond an encoding that selects nothing, Adam the decoder's
update with projection and normalisation, of the bandwidth of a large copy (more than that where weights fit in the
caches), and heap what a step allocates after seconds of steps, when not all of it is compiled yet.
"""

AIMS = (
    # (what, contender, wanted at a width)
    ("sgemm", "tuned", "sgemm, against MKL", lambda d: 0.90),
    ("topk", "tuned dense", "TopK step, against dense", lambda d: 4 if d >= 512 else 3),
    ("topk", "tuned sparse", "TopK step, against sparse", lambda d: 1.3),
    ("encode", "tuned", "encode, against PyTorch", lambda d: 1.0 if d >= 512 else 1.5),
)


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def ratios(own, name, clock="wall"):
    return [other / mine for other, mine in zip(own[name][clock], own["Darien"][clock], strict=True)]


def ratio(own, name, clock="wall"):
    values = ratios(own, name, clock)
    return f"**{statistics.median(values):.2f}** ({min(values):.2f}–{max(values):.2f})"


def milliseconds(own, name):
    value = 1e3 * statistics.median(own[name]["wall"])
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def size_text(size):
    return "d={} F={:,} B={:,} k={}".format(*size)


def entries(result, case):
    for shape in result["shapes"].values():
        for threads, own in shape["cases"].get(case, {}).items():
            yield shape["size"], threads, own


def steps(result, case):
    rows = []
    for size, threads, own in entries(result, case):
        how = own["tuned sparse"]["case"].removeprefix(case + "-").replace("-", " ")
        rows.append([size_text(size), threads, milliseconds(own, "Darien"),
                     milliseconds(own, "tuned dense"), ratio(own, "tuned dense"),
                     milliseconds(own, "tuned sparse") + f" ({how})", ratio(own, "tuned sparse"),
                     f"{statistics.median(ratios(own, 'tuned sparse', 'processor')):.2f}"])
        rows[-1] += [f"{statistics.median(ratios(own, name)):.2f}" for name in ("stock dense", "stock sparse")
                     if name in own]
    head = ["", "threads", "Darien, ms", "dense, ms", "× Darien's", "sparse, ms", "× Darien's", "… CPU time",
            "stock dense ×", "stock sparse ×"]
    return table(head[:len(rows[0])], rows) if rows else ""


def simple(result, case, rate):
    rows = []
    for size, threads, own in entries(result, case):
        cells = [size_text(size), threads]
        for name in ("Darien", "tuned", "stock"):
            seconds = statistics.median(own[name]["wall"])
            flops = f" ({2e-9 * size[0] * size[1] * size[2] / seconds:.0f} GFLOP/s)" if rate else ""
            cells.append(milliseconds(own, name) + flops)
            if name != "Darien":
                cells.append(ratio(own, name))
        cells.insert(5, f"{statistics.median(ratios(own, 'tuned', 'processor')):.2f}")
        rows.append(cells)
    return table(["", "threads", "Darien, ms", "tuned, ms", "× Darien's", "… CPU time", "stock, ms", "× Darien's"],
                 rows) if rows else ""


def parts(result):
    rows = []
    for shape in result["shapes"].values():
        words = shape["parts"].split()
        numbers = {words[at]: words[at + 1:at + 3] for at in range(0, len(words), 3)}
        held, least = map(int, shape["memory"].split())
        steps_ = shape["cases"].get("topk", {})
        faster = "-"
        if {"1", "2"} <= steps_.keys():
            pairs = zip(steps_["1"]["Darien"]["wall"], steps_["2"]["Darien"]["wall"], strict=True)
            faster = f"{statistics.median(one / two for one, two in pairs):.2f}"
        heap = max((bytes_ for bytes_ in shape["heap"].values() if bytes_ is not None), default=None)
        rows.append([size_text(shape["size"]),
                     ", ".join(f"{100 * float(select):.0f} %" for select, _ in sorted_values(numbers)),
                     ", ".join(f"{float(adam):.2f}" for _, adam in sorted_values(numbers)),
                     faster,
                     "-" if heap is None else f"{heap / 1000:.1f} kB",
                     f"{held / 1e6:.0f} MB, {held / least:.2f}×"])
    counts = ", ".join(sorted(numbers))
    return table(["", f"selection, share of the product ({counts} threads)",
                  f"Adam, of copying ({counts} threads)", "2 threads against 1", "heap a step, the most of any case",
                  "memory of a step, against 16 B a parameter"], rows)


def sorted_values(numbers):
    return [numbers[key] for key in sorted(numbers)]


def aims(result):
    every = {threads for shape in result["shapes"].values() for case in shape["cases"].values() for threads in case}
    most = max(every, key=int)
    measured = [(most, "wall", "tuned", f"tuned, {most} threads, wall")] if most != "1" else []
    if "1" in every:
        measured += [("1", "processor", peer, f"{peer}, 1 thread, CPU time") for peer in ("tuned", "stock")]
    rows = []
    for case, name, text, wanted in AIMS:
        cells = [[] for _ in measured]
        for size, threads, own in entries(result, case):
            for cell, (count, clock, peer, _) in zip(cells, measured, strict=True):
                if threads == count:
                    value = statistics.median(ratios(own, name.replace("tuned", peer), clock))
                    least = wanted(size[0])
                    missed = "" if value >= least else ", **missed**"
                    cell.append(f"d={size[0]}: {value:.2f} (≥ {least:g}{missed})")
        if any(cells):
            rows.append([text, *(";<br>".join(cell) for cell in cells)])
    return table(["ratio of times, and what was aimed at", *(head for *_, head in measured)], rows) if rows else ""


def checked(result):
    worst = [shape["checked"] for shape in result["shapes"].values()]
    other = sum(one["other"] for one in worst)
    ties = f"{other:,} differ: near ties, which the order of sums decides." if other else "none differ."
    return (f"Before timing, the losses of four Adam steps (rate 1e-3) were compared for every step and variant: the "
            f"first differ by at most {max(one['first'] for one in worst):.1e} of the loss, the others by at most "
            f"{max(one['later'] for one in worst):.1e}. Of {sum(one['selected'] for one in worst):,} latents that TopK "
            f"selects, {ties}")


def busy(result):
    """A warning where others have had the processor for much of the time."""
    if max(result["load_before"], result["load_after"]) < 1.5 * os.cpu_count():
        return ""
    return ("**The machine was busy with other work.** Wall times are too long then, and several threads of either side "
            "wait for\nones that don't run, PyTorch's more than Darien's. Only the CPU time of one thread is to be relied "
            "on.\n")


def processor():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*: (.*)", text)
    wide = "AVX-512" if "avx512f" in text else "AVX2" if "avx2" in text else "no AVX2"
    return f"{text.count('processor')} cores of {name.group(1) if name else 'an unknown processor'} ({wide})"


def main():
    result = json.loads(pathlib.Path(sys.argv[1]).read_text())
    mkl = re.search(r"Math Kernel Library Version (\S+)", result["pytorch"])
    page = [
        "# Speed on a CPU, next to PyTorch\n",
        textwrap.fill(f"Printed by `{result['command']}` on {result['date']}: {processor()}, a machine shared with others, load average "
        f"{result['load_before']:.1f} before and {result['load_after']:.1f} after; {result['rounds']} rounds; "
        f"{result['darien']}; PyTorch {re.search(r'TORCH_VERSION=([0-9.]+)', result['pytorch']).group(1)}, its official "
        f"CPU build, with MKL {mkl.group(1).split('-')[0] if mkl else 'missing'}, its waiting threads {result['waiting']}. A ratio above 1 says that Darien is faster.", 120) + "\n",
        busy(result),
        textwrap.fill(checked(result), 120) + "\n",
        "## Against what was aimed at\n",
        aims(result),
        "## TopK training step\n", steps(result, "topk"),
        "## Encode: product and selection\n", simple(result, "encode", False),
        "## sgemm at the encoder's shapes\n", simple(result, "sgemm", True),
        "## BatchTopK step\n", steps(result, "batchtopk"),
        "## JumpReLU step\n", steps(result, "jumprelu"),
        "## ReLU step\n", steps(result, "relu"),
        "## Darien's parts\n", parts(result), HOW.strip("\n"),
    ]
    # No heading over nothing.
    kept = [text for text, after in zip(page, [*page[1:], ""], strict=True)
            if text and (after or not text.startswith("## ") or text == page[-1])]
    pathlib.Path(sys.argv[2]).write_text("\n".join(kept) + "\n")


main()
