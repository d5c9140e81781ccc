// SPDX-License-Identifier: Apache-2.0
//
// One warp: which of its lanes can run, and what the others wait for. Sets of lanes are bits of an unsigned.
#pragma once

#include "device.h"

namespace standin {

struct Warp {
    unsigned exist;       // lanes that the block has
    unsigned live;        // … and that haven't returned
    unsigned unstarted;   // … that haven't begun
    unsigned ready;       // … that have begun, wait for nothing and don't run
    unsigned waiting;     // … that wait in an exchange
    unsigned at_barrier;  // … that wait for the block
    unsigned last;        // the lane that ran last

    // Of each lane in `waiting`: its part in the exchange. Its result takes the place of its value.
    Exchange kind[32];
    unsigned mask[32];
    unsigned source[32];
    unsigned long long value[32];

    void begin();
    unsigned runnable() const { return ready | unstarted; }
    void arrive(unsigned lane, Exchange lane_kind, unsigned lane_mask, unsigned lane_source,
                unsigned long long lane_value);
    // Ends the exchange if all live lanes in the mask have come to it: each then has its result and is ready.
    bool resolve(Exchange group_kind, unsigned group_mask);
    // The same for any exchange that a lane's return has made complete.
    void resolve_waiting();
    // The lanes whose kind and mask are those of `lane`.
    unsigned alike(unsigned lane) const;
};

const char* exchange_name(Exchange kind);

}  // namespace standin
