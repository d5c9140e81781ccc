// SPDX-License-Identifier: Apache-2.0
//
// The few of PyTorch 2.7's C++ declarations that cpu_pytorch.cpp needs, written down here because the official library
// is on Maven Central and its headers aren't. Names, argument types and sizes are part of the library's binary interface:
// the linker finds a wrong name, and the checks against Darien a wrong size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

extern "C" {
int32_t aoti_torch_delete_tensor_object(void *tensor);
int32_t aoti_torch_new_tensor_handle(void *tensor, void **copy);
int32_t aoti_torch_get_data_ptr(void *tensor, void **data);
int32_t aoti_torch_get_numel(void *tensor, int64_t *elements);
}

namespace at {
class Tensor;
}

namespace c10 {
enum class ScalarType : int8_t { Int = 3, Long = 4, Float = 6, Bool = 11 };
enum class Layout : int8_t { Strided = 0, SparseCsr = 2 };
enum class MemoryFormat : int8_t { Contiguous = 0 };
struct Device {
    int8_t type;
    int8_t index;
};

/** Not trivially copied there, so passed by reference. */
class SymInt {
    int64_t value;

public:
    SymInt(int64_t value) : value(value) {}
    SymInt(const SymInt &other) : value(other.value) {}
    ~SymInt() {}
};

class Scalar {
    enum class Tag { Double, Integer } tag;
    union alignas(16) {
        double real;
        int64_t integer;
        char room[16];
    };

public:
    Scalar(double value) : tag(Tag::Double), real(value) {}
    Scalar(int value) : tag(Tag::Integer), integer(value) {}
};

template <class T> class ArrayRef {
    const T *first = nullptr;
    size_t length = 0;

public:
    ArrayRef() = default;
    ArrayRef(const std::vector<T> &values) : first(values.data()), length(values.size()) {}
    ArrayRef(const std::initializer_list<T> &values) : first(values.begin()), length(values.size()) {}
};

template <class T> struct OptionalArrayRef {
    std::optional<ArrayRef<T>> value;
    OptionalArrayRef(std::initializer_list<T> values) : value(ArrayRef<T>(values)) {}
};

struct GradMode {
    static void set_enabled(bool enabled);
};

struct TensorImpl {
    at::Tensor &mutable_grad();
};
struct UndefinedTensorImpl {
    static char _singleton;
};
} // namespace c10

namespace at {
/** A counted reference, one pointer wide; the library's C interface counts. */
class Tensor {
    void *implementation;

public:
    Tensor() : implementation(&c10::UndefinedTensorImpl::_singleton) {}
    Tensor(Tensor &&other) noexcept : implementation(other.implementation) {
        other.implementation = &c10::UndefinedTensorImpl::_singleton;
    }
    Tensor(const Tensor &other) {
        void *copy;
        aoti_torch_new_tensor_handle(const_cast<Tensor *>(&other), &copy);
        implementation = *static_cast<void **>(copy);
        operator delete(copy);
    }
    Tensor &operator=(Tensor other) noexcept {
        std::swap(implementation, other.implementation);
        return *this;
    }
    ~Tensor() {
        if (implementation != &c10::UndefinedTensorImpl::_singleton) {
            aoti_torch_delete_tensor_object(new void *(implementation));
        }
    }
    Tensor &grad() const { return static_cast<c10::TensorImpl *>(implementation)->mutable_grad(); }
    template <class T> T *data() const {
        void *data;
        aoti_torch_get_data_ptr(const_cast<Tensor *>(this), &data);
        return static_cast<T *>(data);
    }
    int64_t elements() const {
        int64_t count;
        aoti_torch_get_numel(const_cast<Tensor *>(this), &count);
        return count;
    }
};

std::string show_config();
void set_num_threads(int threads);

namespace _ops {
using c10::Scalar;
using c10::SymInt;
using IntArrayRef = c10::ArrayRef<int64_t>;
using SymIntArrayRef = c10::ArrayRef<SymInt>;
using TensorList = c10::ArrayRef<Tensor>;
using Type = std::optional<c10::ScalarType>;
using Place = std::optional<c10::Device>;
using Arrangement = std::optional<c10::Layout>;
using Format = std::optional<c10::MemoryFormat>;
using Flag = std::optional<bool>;
using Maybe = std::optional<Tensor>;
using T = const Tensor &;
using Two = std::tuple<Tensor, Tensor>;
using Four = std::tuple<Tensor, Tensor, Tensor, Tensor>;

#define OPERATOR(name, result, ...)                                                                                    \
    struct name {                                                                                                      \
        static result call(__VA_ARGS__);                                                                               \
    };
OPERATOR(_backward, void, T, TensorList, const Maybe &, Flag, bool)
OPERATOR(_convert_indices_from_coo_to_csr, Tensor, T, int64_t, bool)
OPERATOR(_embedding_bag, Four, T, T, T, bool, int64_t, bool, const Maybe &, bool, int64_t)
OPERATOR(_embedding_bag_dense_backward, Tensor, T, T, T, T, T, SymInt, bool, int64_t, const Maybe &, int64_t)
OPERATOR(_embedding_bag_per_sample_weights_backward, Tensor, T, T, T, T, T, int64_t, int64_t)
OPERATOR(_fused_adam_, void, TensorList, TensorList, TensorList, TensorList, TensorList, TensorList, double, double,
         double, double, double, bool, bool, const Maybe &, const Maybe &)
OPERATOR(_sparse_csr_tensor_unsafe, Tensor, T, T, T, IntArrayRef, Type, Arrangement, Place, Flag)
OPERATOR(abs, Tensor, T)
OPERATOR(add_Tensor, Tensor, T, T, const Scalar &)
OPERATOR(add__Tensor, Tensor &, Tensor &, T, const Scalar &)
OPERATOR(addcmul_, Tensor &, Tensor &, T, T, const Scalar &)
OPERATOR(addmm, Tensor, T, T, T, const Scalar &, const Scalar &)
OPERATOR(amax, Tensor, T, IntArrayRef, bool)
OPERATOR(clone, Tensor, T, Format)
OPERATOR(div_Scalar_mode, Tensor, T, const Scalar &, std::optional<std::string_view>)
OPERATOR(div__Tensor, Tensor &, Tensor &, T)
OPERATOR(empty_memory_format, Tensor, SymIntArrayRef, Type, Arrangement, Place, Flag, Format)
OPERATOR(expand, Tensor, T, SymIntArrayRef, bool)
OPERATOR(fill__Scalar, Tensor &, Tensor &, const Scalar &)
OPERATOR(gather, Tensor, T, int64_t, T, bool)
OPERATOR(gt_Scalar, Tensor, T, const Scalar &)
OPERATOR(gt_Tensor, Tensor, T, T)
OPERATOR(index_add_, Tensor &, Tensor &, int64_t, T, T, const Scalar &)
OPERATOR(index_select, Tensor, T, int64_t, T)
OPERATOR(le_Scalar, Tensor, T, const Scalar &)
OPERATOR(linalg_vecdot, Tensor, T, T, int64_t)
OPERATOR(linalg_vector_norm, Tensor, T, const Scalar &, c10::OptionalArrayRef<int64_t>, bool, Type)
OPERATOR(linear, Tensor, T, T, const Maybe &)
OPERATOR(mean, Tensor, T, Type)
OPERATOR(mm, Tensor, T, T)
OPERATOR(mm_out, Tensor &, T, T, Tensor &)
OPERATOR(mul_Tensor, Tensor, T, T)
OPERATOR(mul__Scalar, Tensor &, Tensor &, const Scalar &)
OPERATOR(mul_Scalar, Tensor, T, const Scalar &)
OPERATOR(mul__Tensor, Tensor &, Tensor &, T)
OPERATOR(mv, Tensor, T, T)
OPERATOR(nonzero, Tensor, T)
OPERATOR(narrow, Tensor, T, int64_t, SymInt, SymInt)
OPERATOR(pow_Tensor_Scalar, Tensor, T, const Scalar &)
OPERATOR(relu, Tensor, T)
OPERATOR(relu_, Tensor &, Tensor &)
OPERATOR(remainder_Scalar, Tensor, T, const Scalar &)
OPERATOR(requires_grad_, Tensor &, Tensor &, bool)
OPERATOR(scatter_src, Tensor, T, int64_t, T, T)
OPERATOR(sort, Two, T, int64_t, bool)
OPERATOR(sub_Tensor, Tensor, T, T, const Scalar &)
OPERATOR(sub__Tensor, Tensor &, Tensor &, T, const Scalar &)
OPERATOR(sum, Tensor, T, Type)
OPERATOR(sum_dim_IntList, Tensor, T, c10::OptionalArrayRef<int64_t>, bool, Type)
OPERATOR(t, Tensor, T)
OPERATOR(take, Tensor, T, T)
OPERATOR(to_dtype, Tensor, T, c10::ScalarType, bool, bool, Format)
OPERATOR(topk, Two, T, SymInt, int64_t, bool, bool)
OPERATOR(unsqueeze, Tensor, T, int64_t)
OPERATOR(view, Tensor, T, SymIntArrayRef)
OPERATOR(zeros_like, Tensor, T, Type, Arrangement, Place, Flag, Format)
#undef OPERATOR
} // namespace _ops
} // namespace at
