// SPDX-License-Identifier: Apache-2.0
#include "warp.h"

namespace standin {

namespace {

unsigned first_of(unsigned lanes) { return unsigned(__builtin_ctz(lanes)); }

// A lane that isn't there has nothing to give. What the hardware does then is undefined; this shows.
constexpr unsigned long long POISON = ~0ull;

}  // namespace

void Warp::begin() {
    live = unstarted = exist;
    ready = waiting = at_barrier = 0;
    last = 31;
}

void Warp::arrive(unsigned lane, Exchange lane_kind, unsigned lane_mask, unsigned lane_source,
                  unsigned long long lane_value) {
    waiting |= 1u << lane;
    kind[lane] = lane_kind;
    mask[lane] = lane_mask;
    source[lane] = lane_source;
    value[lane] = lane_value;
}

bool Warp::resolve(Exchange group_kind, unsigned group_mask) {
    const unsigned group = group_mask & live;
    if ((group & ~waiting) != 0) {
        return false;
    }
    for (unsigned left = group; left != 0; left &= left - 1) {
        const unsigned at = first_of(left);
        if (kind[at] != group_kind || mask[at] != group_mask) {
            return false;
        }
    }
    unsigned long long results[32];
    switch (group_kind) {
        case Exchange::SYNC: break;
        case Exchange::SHUFFLE:
        case Exchange::SHUFFLE_XOR:
        case Exchange::SHUFFLE_UP:
        case Exchange::SHUFFLE_DOWN:
            for (unsigned left = group; left != 0; left &= left - 1) {
                const unsigned at = first_of(left);
                results[at] = (group >> source[at] & 1) != 0 ? value[source[at]] : POISON;
            }
            break;
        case Exchange::BALLOT:
        case Exchange::ANY:
        case Exchange::ALL: {
            unsigned long long votes = 0;
            for (unsigned left = group; left != 0; left &= left - 1) {
                votes |= value[first_of(left)] << first_of(left);
            }
            for (unsigned left = group; left != 0; left &= left - 1) {
                results[first_of(left)] = votes;
            }
            break;
        }
        case Exchange::MATCH:
            for (unsigned left = group; left != 0;) {
                unsigned equal = 0;
                for (unsigned other = left; other != 0; other &= other - 1) {
                    equal |= unsigned(value[first_of(other)] == value[first_of(left)]) << first_of(other);
                }
                for (unsigned other = equal; other != 0; other &= other - 1) {
                    results[first_of(other)] = equal;
                }
                left &= ~equal;
            }
            break;
    }
    if (group_kind != Exchange::SYNC) {
        for (unsigned left = group; left != 0; left &= left - 1) {
            value[first_of(left)] = results[first_of(left)];
        }
    }
    waiting &= ~group;
    ready |= group;
    return true;
}

void Warp::resolve_waiting() {
    for (unsigned left = waiting; left != 0;) {
        const unsigned at = first_of(left);
        left &= ~alike(at);
        resolve(kind[at], mask[at]);
    }
}

unsigned Warp::alike(unsigned lane) const {
    unsigned lanes = 0;
    for (unsigned at = 0; at < 32; at++) {
        lanes |= unsigned(kind[at] == kind[lane] && mask[at] == mask[lane]) << at;
    }
    return lanes;
}

const char* exchange_name(Exchange kind) {
    switch (kind) {
        case Exchange::SYNC: return "__syncwarp";
        case Exchange::SHUFFLE: return "__shfl_sync";
        case Exchange::SHUFFLE_XOR: return "__shfl_xor_sync";
        case Exchange::SHUFFLE_UP: return "__shfl_up_sync";
        case Exchange::SHUFFLE_DOWN: return "__shfl_down_sync";
        case Exchange::BALLOT: return "__ballot_sync";
        case Exchange::ANY: return "__any_sync";
        case Exchange::ALL: return "__all_sync";
        case Exchange::MATCH: return "__match_any_sync";
    }
    return "?";
}

}  // namespace standin
