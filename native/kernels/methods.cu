// SPDX-License-Identifier: Apache-2.0
//
// What single methods need: gated encoders, nested dictionaries, concave penalties, latents that fire too seldom.
#include "darien.cuh"

// magnitudes = relu(exp(r_j) · (gate - b_gate_j) + b_mag_j) of each open gate.
extern "C" __global__ void gated_magnitudes(
    const int64* last_offset, int64 capacity, const int* indices, const float* gates, const float* gate_bias,
    const float* log_scale, const float* magnitude_bias, float* magnitudes) {
    const int64 entries = min(*last_offset, capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const float gate = gates[at];
        const int latent = indices[at];
        const double magnitude =
            exp((double)log_scale[latent]) * ((double)gate - gate_bias[latent]) + magnitude_bias[latent];
        magnitudes[at] = gate == 0.0f ? 0.0f : (float)(magnitude > 0 ? magnitude : 0.0);
    }
}
DARIEN_EXPORT(gated_magnitudes)

// One warp for each latent: the gradients of r and b_mag; its code gradients become those of the shared product.
extern "C" __global__ void gated_gradient(
    const float* values, const int* offsets, const int* entries, float* gradients, const float* scale, int latents,
    const float* log_scale, const float* magnitude_bias, int accumulate, float* scale_gradient, float* bias_gradient) {
    const int latent = blockIdx.x * (blockDim.x / DARIEN_WARP) + threadIdx.x / DARIEN_WARP;
    if (latent >= latents) {
        return;
    }
    const double factor = exp((double)log_scale[latent]);
    const double bias = magnitude_bias[latent];
    double sum = 0;
    double weighted = 0;
    for (int at = offsets[latent] + threadIdx.x % DARIEN_WARP; at < offsets[latent + 1]; at += DARIEN_WARP) {
        const int entry = entries[at];
        const float value = values[entry];
        const double gradient = gradients[entry];
        if (value != 0.0f) {
            sum += gradient;
            weighted += gradient * (value - bias);
        }
        gradients[entry] = (float)(gradient * factor);
    }
    sum = warp_sum(sum);
    weighted = warp_sum(weighted);
    if (threadIdx.x % DARIEN_WARP == 0) {
        scale_gradient[latent] = (float)((accumulate != 0 ? (double)scale_gradient[latent] : 0.0) + *scale * weighted);
        bias_gradient[latent] = (float)((accumulate != 0 ? (double)bias_gradient[latent] : 0.0) + *scale * sum);
    }
}
DARIEN_EXPORT(gated_gradient)

// out = the value of entries of latents first to last - 1, else 0.
extern "C" __global__ void keep_latents(
    const int64* last_offset, int64 capacity, const int* indices, const float* values, int first, int last, float* out) {
    const int64 entries = min(*last_offset, capacity);
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const int latent = indices[at];
        out[at] = latent >= first && latent < last ? values[at] : 0.0f;
    }
}
DARIEN_EXPORT(keep_latents)

// Adds coefficient · n · φ'(z · n) to the gradient of each entry that counts; partial[block] = Σ φ. Kind 0 is the power
// (a + offset)^p - offset^p over active entries, 1 tanh(p · a) over all.
extern "C" __global__ void add_penalty_partial(
    const int64* last_offset, int64 capacity, const int* indices, const float* values, const float* norms, int kind,
    double parameter, double offset, double coefficient, float* gradients, double* partial) {
    __shared__ double sums[32];
    const int64 entries = min(*last_offset, capacity);
    double sum = 0;
    for (int64 at = (int64)blockIdx.x * blockDim.x + threadIdx.x; at < entries; at += (int64)gridDim.x * blockDim.x) {
        const float value = values[at];
        if (value == 0.0f && kind == 0) {
            continue;
        }
        const double norm = norms == nullptr ? 1.0 : (double)norms[indices[at]];
        const double code = value * norm;
        double slope;
        if (kind == 0) {
            sum += pow(code + offset, parameter) - pow(offset, parameter);
            slope = parameter * pow(code + offset, parameter - 1);
        } else {
            const double height = tanh(parameter * code);
            sum += height;
            slope = parameter * (1 - height * height);
        }
        gradients[at] = (float)(gradients[at] + coefficient * norm * slope);
    }
    sum = block_sum(sum, sums);
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
    }
}
DARIEN_EXPORT(add_penalty_partial)

// One block: penalty += coefficient · Σ partial.
extern "C" __global__ void add_penalty(const double* partial, int count, double coefficient, double* penalty) {
    __shared__ double sums[32];
    double sum = 0;
    for (int at = threadIdx.x; at < count; at += blockDim.x) {
        sum += partial[at];
    }
    sum = block_sum(sum, sums);
    if (threadIdx.x == 0) {
        *penalty += coefficient * sum;
    }
}
DARIEN_EXPORT(add_penalty)

// Each block takes a part of the latents: how many of them are dead or fire too seldom.
extern "C" __global__ void list_underused_count(
    const int* last_fired, int latents, int horizon, const float* rates, const float* limits, int part, int* counts) {
    __shared__ int sums[32];
    const int first = blockIdx.x * part;
    const int last = min(latents, first + part);
    int count = 0;
    for (int latent = first + threadIdx.x; latent < last; latent += blockDim.x) {
        count += last_fired[latent] < horizon || rates[latent] < limits[latent] ? 1 : 0;
    }
    count = block_sum(count, sums);
    if (threadIdx.x == 0) {
        counts[blockIdx.x] = count;
    }
}
DARIEN_EXPORT(list_underused_count)

// As above: lists them after those of the parts before, in ascending order. The last block knows the total.
extern "C" __global__ void list_underused(
    const int* last_fired, int latents, int horizon, const float* rates, const float* limits, int part,
    const int* counts, int* listed, int* number) {
    __shared__ int sums[32];
    int before = 0;
    for (int at = threadIdx.x; at < (int)blockIdx.x; at += blockDim.x) {
        before += counts[at];
    }
    before = block_sum(before, sums);
    const int first = blockIdx.x * part;
    const int last = min(latents, first + part);
    for (int base = first; base < last; base += blockDim.x) {
        const int latent = base + threadIdx.x;
        const bool take = latent < last && (last_fired[latent] < horizon || rates[latent] < limits[latent]);
        int total;
        const int place = before + block_rank(take, sums, &total);
        if (take) {
            listed[place] = latent;
        }
        before += total;
    }
    if (blockIdx.x == gridDim.x - 1 && threadIdx.x == 0) {
        *number = before;
    }
}
DARIEN_EXPORT(list_underused)
