// SPDX-License-Identifier: Apache-2.0
#include "registry.h"

#include <stdio.h>
#include <stdlib.h>

#include <map>
#include <string>

namespace standin {

namespace {
// A local static, because kernel files register before the globals of other files are made.
std::map<std::string, Kernel>& kernels() {
    static std::map<std::string, Kernel>& all = *new std::map<std::string, Kernel>();
    return all;
}
}  // namespace

void add_kernel(const Kernel& kernel) {
    if (!kernels().emplace(kernel.name, kernel).second) {
        fprintf(stderr, "darien-standin: two kernels are called %s\n", kernel.name);
        abort();
    }
}

const Kernel* find_kernel(const char* name) {
    const auto found = kernels().find(name);
    return found == kernels().end() ? nullptr : &found->second;
}

const Kernel* kernel_at(size_t at) {
    auto kernel = kernels().begin();
    for (size_t skipped = 0; skipped < at && kernel != kernels().end(); skipped++) {
        ++kernel;
    }
    return kernel == kernels().end() ? nullptr : &kernel->second;
}

}  // namespace standin
