// SPDX-License-Identifier: Apache-2.0
//
// How a kernel file tells the library of its kernels: one function that unpacks the launch's argument array, and what
// each parameter is, both derived from the kernel's own type.
#pragma once

#include <type_traits>
#include <utility>

#include "registry.h"

namespace standin {

template <typename T>
constexpr Parameter parameter() {
    using Kind = Parameter::Kind;
    return Parameter{sizeof(T), alignof(T),
                     std::is_pointer<T>::value          ? Kind::POINTER
                     : std::is_floating_point<T>::value ? Kind::FLOATING
                     : std::is_class<T>::value          ? Kind::BYTES
                                                        : Kind::INTEGER};
}

template <auto function>
struct KernelOf;

template <typename... Arguments, void (*function)(Arguments...)>
struct KernelOf<function> {
    template <size_t... at>
    static void unpack(void* const* arguments, std::index_sequence<at...>) {
        (void)arguments;
        function(*static_cast<std::remove_cv_t<Arguments>*>(arguments[at])...);
    }
    static void call(void* const* arguments) { unpack(arguments, std::index_sequence_for<Arguments...>{}); }
    static void add(const char* name) {
        static constexpr Parameter parameters[] = {parameter<Arguments>()..., Parameter{}};
        add_kernel(Kernel{name, call, parameters, sizeof...(Arguments)});
    }
};

}  // namespace standin

#define DARIEN_EXPORT(name)                                         \
    __attribute__((constructor)) static void standin_export_##name() { \
        standin::KernelOf<&name>::add(#name);                       \
    }

#define DARIEN_SHARED(type, name) type* name = static_cast<type*>(standin::dynamic_shared())
