// SPDX-License-Identifier: Apache-2.0
#include "memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <deque>
#include <map>

#include "arena.h"
#include "control.h"
#include "cuda_api.h"

namespace standin {

namespace {

constexpr size_t CANARY = 256;     // bytes before an allocation that must stay as they were
constexpr size_t QUARANTINE = 64 << 20;
constexpr size_t REMEMBERED = 4096;  // freed allocations, for messages

// Nothing here is ever destroyed: other threads of a JVM still run while the process ends.
Arena& device_arena() {
    static Arena& arena = *new Arena(size_t(256) << 30);
    return arena;
}
Arena& pinned_arena() {
    static Arena& arena = *new Arena(size_t(64) << 30);
    return arena;
}
Arena& arena_of(Space space) { return space == Space::DEVICE ? device_arena() : pinned_arena(); }

std::map<uintptr_t, Allocation>& live = *new std::map<uintptr_t, Allocation>();
uint64_t last_number = 0;
bool device_memory_hidden = false;

struct Freed {
    uintptr_t base;
    size_t bytes;
    uint64_t number;
    Space space;
};
std::deque<Freed>& freed = *new std::deque<Freed>();

// Pinned memory that was freed. Host code that still uses it finds 0xff there and no crash, for a while.
struct Quarantined {
    char* pages;
    size_t bytes;
};
std::deque<Quarantined>& quarantine = *new std::deque<Quarantined>();
size_t quarantined_bytes = 0;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

const char* name(Space space) {
    return space == Space::DEVICE ? "device memory" : space == Space::PINNED ? "pinned memory" : "registered memory";
}

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char* format, ...) {
    char line[300];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    return line;
}

// The first byte of a canary that isn't 0xff, or `to`. Each launch looks at all canaries, hence the quick way.
const char* first_changed(const char* from, const char* to) {
    static const std::string untouched(CANARY, char(0xff));
    if (memcmp(from, untouched.data(), size_t(to - from)) == 0) {
        return to;
    }
    while (from < to && *from == char(0xff)) {
        from++;
    }
    return from;
}

std::string damage_of(const Allocation& allocation) {
    if (allocation.space == Space::REGISTERED) {
        return "";
    }
    const char* const start = reinterpret_cast<const char*>(allocation.base);
    const size_t before = size_t(start - allocation.pages) < CANARY ? size_t(start - allocation.pages) : CANARY;
    const char* changed = first_changed(start - before, start);
    if (changed == start) {
        const char* const end = allocation.pages + allocation.page_bytes;
        changed = first_changed(start + allocation.bytes, end);
        if (changed == end) {
            return "";
        }
    }
    return "a write to " + describe(reinterpret_cast<uintptr_t>(changed));
}

void quarantine_pages(const Allocation& allocation) {
    memset(allocation.pages, 0xff, allocation.page_bytes);
    quarantine.push_back({allocation.pages, allocation.page_bytes});
    quarantined_bytes += allocation.page_bytes;
    while (quarantined_bytes > QUARANTINE && quarantine.size() > 1) {
        pinned_arena().give_back(quarantine.front().pages);
        quarantined_bytes -= quarantine.front().bytes;
        quarantine.pop_front();
    }
}

int64_t& live_bytes(Space space) { return space == Space::DEVICE ? control.live_bytes : control.live_pinned_bytes; }

}  // namespace

bool Allocation::mapped() const {
    if (space == Space::PINNED) {
        return (flags & CU_MEMHOSTALLOC_DEVICEMAP) != 0;
    }
    return space == Space::DEVICE || (flags & CU_MEMHOSTREGISTER_DEVICEMAP) != 0;
}

Allocation* allocate(Space space, size_t bytes, uint64_t context, unsigned flags) {
    const size_t room = round_up(bytes, size_t(control.alignment));
    const size_t page_bytes = round_up(room, Arena::page());
    char* const pages = arena_of(space).take(page_bytes);
    if (pages == nullptr) {
        return nullptr;
    }
    memset(pages, 0xff, page_bytes);
    // Flush against the page after it, which can't be touched, but for what its alignment leaves over.
    Allocation allocation;
    allocation.space = space;
    allocation.base = reinterpret_cast<uintptr_t>(pages + page_bytes - room);
    allocation.bytes = bytes;
    allocation.number = ++last_number;
    allocation.context = context;
    allocation.flags = flags;
    allocation.pages = pages;
    allocation.page_bytes = page_bytes;
    control.live_objects++;
    live_bytes(space) += int64_t(bytes);
    control.peak_bytes = control.live_bytes > control.peak_bytes ? control.live_bytes : control.peak_bytes;
    return &(live[allocation.base] = allocation);
}

Allocation* add_registration(uintptr_t base, size_t bytes, uint64_t context, unsigned flags) {
    Allocation allocation;
    allocation.space = Space::REGISTERED;
    allocation.base = base;
    allocation.bytes = bytes;
    allocation.number = ++last_number;
    allocation.context = context;
    allocation.flags = flags;
    control.live_objects++;
    live_bytes(allocation.space) += int64_t(bytes);
    return &(live[base] = allocation);
}

bool release(Allocation* allocation, std::string& damage) {
    damage = damage_of(*allocation);
    control.live_objects--;
    live_bytes(allocation->space) -= int64_t(allocation->bytes);
    if (allocation->space != Space::REGISTERED) {
        freed.push_back({allocation->base, allocation->bytes, allocation->number, allocation->space});
        if (freed.size() > REMEMBERED) {
            freed.pop_front();
        }
    }
    if (allocation->space == Space::DEVICE) {
        device_arena().give_back(allocation->pages);
    } else if (allocation->space == Space::PINNED) {
        quarantine_pages(*allocation);
    }
    live.erase(allocation->base);
    return damage.empty();
}

Allocation* allocation_of(uintptr_t base) {
    const auto found = live.find(base);
    return found == live.end() ? nullptr : &found->second;
}

Allocation* allocation_around(uintptr_t address) {
    auto after = live.upper_bound(address);
    if (after == live.begin()) {
        return nullptr;
    }
    Allocation& allocation = (--after)->second;
    return address - allocation.base <= allocation.bytes ? &allocation : nullptr;
}

Allocation* allocation_beside(uintptr_t base, size_t bytes) {
    const uintptr_t page = Arena::page();
    const uintptr_t from = base / page * page;
    const uintptr_t to = round_up(base + bytes, page);
    for (auto& entry : live) {
        const Allocation& other = entry.second;
        if (other.base / page * page < to && round_up(other.base + other.bytes, page) > from) {
            return &entry.second;
        }
    }
    return nullptr;
}

void for_each_allocation(const std::function<void(Allocation&)>& action) {
    for (auto& entry : live) {
        action(entry.second);
    }
}

bool in_device_arena(uintptr_t address) { return device_arena().contains(address); }

bool in_arena(uintptr_t address) { return device_arena().contains(address) || pinned_arena().contains(address); }

std::string describe(uintptr_t address) {
    const unsigned long long shown = address;
    if (address < 4096) {
        return text("%#llx, near null", shown);
    }
    const Allocation* const around = allocation_around(address);
    if (around != nullptr && address - around->base < around->bytes) {
        return text("%#llx, byte %zu of the %zu bytes of %s no. %llu", shown, size_t(address - around->base),
                    around->bytes, name(around->space), (unsigned long long)(around->number));
    }
    for (auto was = freed.rbegin(); was != freed.rend(); ++was) {
        if (address - was->base <= was->bytes) {
            return text("%#llx, byte %zu of %s no. %llu, which was freed", shown, size_t(address - was->base),
                        name(was->space), (unsigned long long)(was->number));
        }
    }
    // What is left is near something, or nowhere.
    const auto after = live.upper_bound(address);
    if (after != live.begin()) {
        auto before = after;
        const Allocation& allocation = (--before)->second;
        const size_t distance = address - allocation.base - allocation.bytes;
        if (distance < 2 * Arena::page() && allocation.space != Space::REGISTERED) {
            return text("%#llx, %zu bytes past the end of %s no. %llu of %zu bytes", shown, distance,
                        name(allocation.space), (unsigned long long)(allocation.number), allocation.bytes);
        }
    }
    if (after != live.end() && after->second.space != Space::REGISTERED &&
        after->second.base - address < 2 * Arena::page()) {
        return text("%#llx, %zu bytes before %s no. %llu of %zu bytes", shown, size_t(after->second.base - address),
                    name(after->second.space), (unsigned long long)(after->second.number), after->second.bytes);
    }
    return text("%#llx, %s", shown,
                in_device_arena(address) ? "device memory that isn't allocated"
                : in_arena(address)      ? "pinned memory that isn't allocated"
                                         : "host memory that is neither pinned nor registered");
}

std::string find_damage() {
    for (const auto& entry : live) {
        std::string damage = damage_of(entry.second);
        if (!damage.empty()) {
            return damage;
        }
    }
    return "";
}

void set_device_memory_hidden(bool hidden) {
    if (hidden == device_memory_hidden) {
        return;
    }
    device_memory_hidden = hidden;
    for (const auto& entry : live) {
        const Allocation& allocation = entry.second;
        if (allocation.space == Space::DEVICE) {
            mprotect(allocation.pages, allocation.page_bytes, hidden ? PROT_NONE : PROT_READ | PROT_WRITE);
        }
    }
}

}  // namespace standin
