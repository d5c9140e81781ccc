// SPDX-License-Identifier: Apache-2.0
package dev.darien.device;

/**
 * What a device reaches at best, which kernels are measured against.
 *
 * @param fmaGflops fused multiply-adds on registers, each counted as two operations, in 10^9 a second
 * @param copyGigabytesPerSecond copying memory far larger than the caches, bytes read plus bytes written
 */
public record Peaks(double fmaGflops, double copyGigabytesPerSecond) {}
