/* SPDX-License-Identifier: Apache-2.0 */

/* MKL keeps its AVX-512 code to CPUs that it takes for Intel's. Preloaded, this tells it that all are, which more than
   doubles its products on AMD's Zen 4 and 5; PyTorch's own wheels take it in the same way. */
int mkl_serv_intel_cpu_true(void) { return 1; }
int mkl_serv_intel_cpu(void) { return 1; }
