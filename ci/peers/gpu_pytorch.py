#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times training steps of a TopK SAE in PyTorch on a GPU, as a peer for `darien bench`.

Two steps that compute the same thing, fused Adam included, no auxiliary loss and no clipping:

dense   autograd through a B x F matrix of codes, as most SAE libraries do it
sparse  nothing of size B x F but the pre-activations: decoding by embedding_bag, and weight gradients either by
        index_add_ on gathered rows or by a product with a sparse matrix, whichever is faster here

Prints one JSON object. Exit status 3 if there is no PyTorch or no GPU (`--device cpu` is for trying the script).
"""

import argparse
import json
import math
import statistics
import sys
import time


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--d", type=int, required=True)
    parser.add_argument("--latents", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--k", type=int, required=True)
    parser.add_argument("--precision", choices=("fp32", "tf32", "bf16"), default="fp32")
    parser.add_argument("--seconds", type=float, default=2.0, help="of steps in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cuda")
    return parser.parse_args()


ARGS = arguments()
try:
    import torch
    import torch.nn.functional as F
except ImportError as error:
    print(f"no PyTorch: {error}", file=sys.stderr)
    sys.exit(3)
if ARGS.device == "cuda" and not torch.cuda.is_available():
    print("PyTorch sees no GPU", file=sys.stderr)
    sys.exit(3)


def product(a, b):
    """a @ b.T with the inputs rounded as asked for, the result in fp32."""
    if ARGS.precision == "bf16":
        return (a.bfloat16() @ b.bfloat16().T).float()
    return a @ b.T


class SparseLinear(torch.autograd.Function):
    """The k largest pre-activations of each row, and gradients through them alone."""

    @staticmethod
    def forward(ctx, x, centre, weight, bias, k):
        inner = x - centre
        pre = product(inner, weight)
        pre += bias
        values, indices = pre.topk(k, dim=-1, sorted=False)
        values = values.relu()
        ctx.save_for_backward(inner, indices, values, weight)
        return values, indices

    @staticmethod
    def backward(ctx, gradient, _):
        inner, indices, values, weight = ctx.saved_tensors
        gradient = gradient * (values > 0)
        latents = weight.shape[0]
        rows = scatter_rows(indices, gradient, inner, latents)
        bias = torch.zeros(latents, device=inner.device).index_add_(0, indices.flatten(), gradient.flatten())
        return None, -(bias @ weight), rows, bias, None


class SparseDecode(torch.autograd.Function):
    """sum_j values[i, j] * weight[indices[i, j]], with the sums of gradients of each row made once."""

    @staticmethod
    def forward(ctx, values, indices, weight):
        ctx.save_for_backward(values, indices, weight)
        return F.embedding_bag(indices, weight, per_sample_weights=values, mode="sum")

    @staticmethod
    def backward(ctx, gradient):
        values, indices, weight = ctx.saved_tensors
        batch, k = indices.shape
        step = max(1, (1 << 28) // (k * weight.shape[1]))
        code = torch.empty_like(values)
        for start in range(0, batch, step):
            rows = weight[indices[start : start + step]]
            code[start : start + step] = torch.bmm(rows, gradient[start : start + step].unsqueeze(2)).squeeze(2)
        return code, None, scatter_rows(indices, values, gradient, weight.shape[0])


def scatter_index_add(indices, values, rows, latents):
    batch, k = indices.shape
    out = torch.zeros(latents, rows.shape[1], device=rows.device)
    step = max(1, (1 << 28) // (k * rows.shape[1]))
    for start in range(0, batch, step):
        part = values[start : start + step].unsqueeze(2) * rows[start : start + step].unsqueeze(1)
        out.index_add_(0, indices[start : start + step].flatten(), part.flatten(0, 1))
    return out


def scatter_sparse_product(indices, values, rows, latents):
    batch, k = indices.shape
    order = torch.argsort(indices.flatten(), stable=True)
    tokens = torch.div(order, k, rounding_mode="floor")
    counts = torch.bincount(indices.flatten(), minlength=latents)
    starts = torch.zeros(latents + 1, dtype=torch.int64, device=rows.device)
    torch.cumsum(counts, 0, out=starts[1:])
    matrix = torch.sparse_csr_tensor(starts, tokens, values.flatten()[order], size=(latents, batch))
    return matrix @ rows


SCATTERS = {"index_add": scatter_index_add, "sparse_product": scatter_sparse_product}
scatter_rows = scatter_index_add


class Sae:
    def __init__(self, d, latents, k, dense):
        generator = torch.Generator(device="cpu").manual_seed(1)
        decoder = torch.randn(latents, d, generator=generator).to(ARGS.device)
        decoder /= decoder.norm(dim=1, keepdim=True)
        self.decoder = decoder.clone().requires_grad_()
        self.encoder = decoder.clone().requires_grad_()
        self.bias = torch.zeros(latents, device=ARGS.device, requires_grad=True)
        self.centre = torch.zeros(d, device=ARGS.device, requires_grad=True)
        self.k = k
        self.dense = dense
        parameters = [self.encoder, self.decoder, self.bias, self.centre]
        self.adam = torch.optim.Adam(parameters, lr=1e-4, fused=ARGS.device == "cuda")

    def loss(self, x):
        if self.dense:
            pre = product(x - self.centre, self.encoder) + self.bias
            values, indices = pre.topk(self.k, dim=-1, sorted=False)
            codes = torch.zeros_like(pre).scatter(1, indices, values.relu())
            output = product(codes, self.decoder.T)
        else:
            values, indices = SparseLinear.apply(x, self.centre, self.encoder, self.bias, self.k)
            output = SparseDecode.apply(values, indices, self.decoder)
        return (output + self.centre - x).pow(2).sum(-1).mean() / x.shape[1]

    def step(self, x):
        loss = self.loss(x)
        loss.backward()
        with torch.no_grad():
            # Rows of the decoder stay of norm 1, and lose the part of their gradient along themselves.
            gradient = self.decoder.grad
            gradient -= (gradient * self.decoder).sum(1, keepdim=True) * self.decoder
        self.adam.step()
        with torch.no_grad():
            self.decoder /= self.decoder.norm(dim=1, keepdim=True)
        self.adam.zero_grad(set_to_none=True)


def synchronize():
    if ARGS.device == "cuda":
        torch.cuda.synchronize()


def seconds(sae, batches, steps):
    synchronize()
    started = time.perf_counter()
    for at in range(steps):
        sae.step(batches[at % len(batches)])
    synchronize()
    return (time.perf_counter() - started) / steps


def check():
    """Both steps have the same gradients; the largest relative difference."""
    d, latents, batch, k = 24, 96, 32, 4
    x = torch.randn(batch, d, device=ARGS.device)
    dense, sparse = Sae(d, latents, k, True), Sae(d, latents, k, False)
    worst = 0.0
    for sae in (dense, sparse):
        sae.loss(x).backward()
    for name in ("encoder", "decoder", "bias", "centre"):
        one, other = getattr(dense, name).grad, getattr(sparse, name).grad
        worst = max(worst, ((one - other).norm() / one.norm()).item())
    limit = 1e-4 if ARGS.precision == "fp32" else 2e-2
    if not worst < limit:
        raise SystemExit(f"dense and sparse step differ by {worst}")
    return worst


def measure(dense):
    """Tokens a second by round, and the most memory that was held."""
    if ARGS.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    sae = Sae(ARGS.d, ARGS.latents, ARGS.k, dense)
    batches = [torch.randn(ARGS.batch, ARGS.d, device=ARGS.device) for _ in range(2)]
    seconds(sae, batches, 2)
    one = seconds(sae, batches, 2)
    steps = max(2, min(200, math.ceil(ARGS.seconds / one)))
    rounds = [ARGS.batch / seconds(sae, batches, steps) for _ in range(ARGS.rounds)]
    peak = torch.cuda.max_memory_allocated() if ARGS.device == "cuda" else 0
    return {
        "tokens_per_second": statistics.median(rounds),
        "tokens_per_second_spread": (max(rounds) - min(rounds)) / statistics.median(rounds),
        "memory_mb": peak / 1e6,
    }


def main():
    global scatter_rows
    tf32 = ARGS.precision == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32
    result = {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name() if ARGS.device == "cuda" else "cpu",
        "precision": ARGS.precision,
        "steps": {},
        "failures": {},
    }
    for name, scatter in SCATTERS.items():
        scatter_rows = scatter
        try:
            result.setdefault("checked", {})[name] = check()
            result["steps"]["sparse " + name] = measure(False)
        except Exception as error:  # One variant may not fit into memory, or be unknown to this version.
            result["failures"]["sparse " + name] = str(error).splitlines()[0][:300]
    try:
        result["steps"]["dense"] = measure(True)
    except Exception as error:
        result["failures"]["dense"] = str(error).splitlines()[0][:300]
    print(json.dumps(result))


main()
