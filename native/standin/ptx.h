// SPDX-License-Identifier: Apache-2.0
//
// As much of PTX as tells which kernels a text holds and what they take.
#pragma once

#include <stddef.h>

#include <string>
#include <vector>

namespace standin {

struct PtxParameter {
    size_t bytes = 0;
    bool floating = false;
    bool array = false;  // a struct passed by value
};

struct PtxEntry {
    std::string name;
    std::vector<PtxParameter> parameters;
    size_t shared_bytes = 0;  // static
    unsigned max_threads = 0;  // __launch_bounds__, 0 where there is none
};

struct Ptx {
    int version = 0;  // 10 · major + minor
    int target = 0;   // 75 for sm_75
    std::vector<PtxEntry> entries;
};

// False and a sentence about what is wrong.
bool parse_ptx(const std::string& text, Ptx& ptx, std::string& error);

// The newest PTX version that a driver of this CUDA version takes.
int newest_ptx(int driver_version);

}  // namespace standin
