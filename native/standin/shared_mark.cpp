// SPDX-License-Identifier: Apache-2.0
//
// Built twice, and linked before and after the kernel files: what lies between the two marks is the static shared
// memory of all kernels. A section attribute would say it more directly, but g++ ignores that in templates.
#ifdef STANDIN_SHARED_END
#define STANDIN_MARK standin_shared_end
#else
#define STANDIN_MARK standin_shared_begin
#endif

extern "C" __attribute__((visibility("hidden"), aligned(64))) char STANDIN_MARK[64];
char STANDIN_MARK[64];
