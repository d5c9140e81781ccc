// SPDX-License-Identifier: Apache-2.0
#include "control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <string>

#include "api.h"

namespace standin {

Control control;

namespace {

enum class Kind { SETTING, LOAD_TIME, COUNTER, GAUGE };

struct Entry {
    const char* name;
    Kind kind;
    int64_t Control::* field;
};

#define SETTING(name) {#name, Kind::SETTING, &Control::name}
#define COUNTER(name) {#name, Kind::COUNTER, &Control::name}
#define GAUGE(name) {#name, Kind::GAUGE, &Control::name}
constexpr Entry ENTRIES[] = {
    SETTING(deferred),
    SETTING(shuffle),
    SETTING(device_count),
    SETTING(no_device),
    SETTING(device_memory),
    SETTING(driver_version),
    SETTING(compute_capability),
    SETTING(multiprocessors),
    SETTING(read_only_registration),
    SETTING(hide),
    SETTING(alignment),
    SETTING(messages),
    {"guard", Kind::LOAD_TIME, &Control::guard},
    SETTING(fail_device_allocation),
    SETTING(fail_pinned_allocation),
    SETTING(fail_registration),
    SETTING(fail_launch),
    SETTING(fail_launch_error),
    SETTING(sticky_after),
    SETTING(sticky_error),
    SETTING(fail_cublas_create),
    COUNTER(launches),
    COUNTER(blocks),
    COUNTER(gemms),
    COUNTER(allocations),
    COUNTER(pinned_allocations),
    COUNTER(host_to_device_bytes),
    COUNTER(device_to_host_bytes),
    COUNTER(synchronisations),
    COUNTER(complaints),
    COUNTER(leaks),
    COUNTER(peak_bytes),
    GAUGE(live_bytes),
    GAUGE(live_pinned_bytes),
    GAUGE(live_objects),
};

const Entry* find(const char* name) {
    for (const Entry& entry : ENTRIES) {
        if (name != nullptr && strcmp(entry.name, name) == 0) {
            return &entry;
        }
    }
    return nullptr;
}

std::string& message = *new std::string();

// The environment's values, to which a reset returns.
Control& loaded() {
    static Control values;
    return values;
}

__attribute__((constructor)) void load() {
    for (const Entry& entry : ENTRIES) {
        std::string variable = "DARIEN_STANDIN_";
        for (const char* at = entry.name; *at != 0; at++) {
            variable += char(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
        }
        const char* text = getenv(variable.c_str());
        if (text == nullptr || *text == 0 || (entry.kind != Kind::SETTING && entry.kind != Kind::LOAD_TIME)) {
            continue;
        }
        char* end = nullptr;
        errno = 0;
        const long long value = strtoll(text, &end, 0);
        if (errno != 0 || *end != 0) {
            fprintf(stderr, "darien-standin: %s must be a whole number, not \"%s\"; ignored\n", variable.c_str(), text);
            continue;
        }
        loaded().*entry.field = value;
    }
    control = loaded();
}

}  // namespace

bool strikes(int64_t& countdown) { return countdown > 0 && --countdown == 0; }

void complain(const char* format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    control.complaints++;
    message = std::string(current_function()) + ": " + text;
    if (control.messages != 0) {
        fprintf(stderr, "darien-standin: %s\n", message.c_str());
    }
}

}  // namespace standin

using namespace standin;

// 0, or −1 for a name that there is not or that can't be set.
STANDIN_EXPORT int darien_standin_set(const char* name, long long value) {
    Lock lock(__func__);
    const Entry* entry = find(name);
    if (entry == nullptr || entry->kind != Kind::SETTING) {
        complain("there is no setting \"%s\"", name == nullptr ? "(null)" : name);
        return -1;
    }
    control.*entry->field = value;
    return 0;
}

// −1 for a name that there is not. "launches.NAME" is how often the kernel NAME was launched.
STANDIN_EXPORT long long darien_standin_get(const char* name) {
    Lock lock(__func__);
    if (name != nullptr && strncmp(name, "launches.", 9) == 0) {
        return launches_of(name + 9);
    }
    const Entry* entry = find(name);
    if (entry == nullptr) {
        complain("there is nothing called \"%s\"", name == nullptr ? "(null)" : name);
        return -1;
    }
    return control.*entry->field;
}

// Settings back to what the environment said, counters to 0, sticky errors forgotten. What is live stays so.
STANDIN_EXPORT void darien_standin_reset(void) {
    Lock lock(__func__);
    for (const Entry& entry : ENTRIES) {
        if (entry.kind == Kind::SETTING) {
            control.*entry.field = loaded().*entry.field;
        } else if (entry.kind == Kind::COUNTER) {
            control.*entry.field = 0;
        }
    }
    message.clear();
    reset_state();
}

// The newest complaint, "" when there is none since the last reset; valid until the next call.
STANDIN_EXPORT const char* darien_standin_message(void) {
    Lock lock(__func__);
    static std::string& copy = *new std::string();
    copy = message;
    return copy.c_str();
}
