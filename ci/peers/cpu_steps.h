// SPDX-License-Identifier: Apache-2.0
//
// Training steps of SAEs out of PyTorch's operators, as cpu_pytorch.cpp runs them: with autograd through dense codes, and
// by hand over sparse ones.
#pragma once

#include "aten.h"

#include <fstream>
#include <stdexcept>

using at::Tensor;
using namespace at::_ops;
using c10::ScalarType;

// For the one program that includes it.
namespace {
constexpr double BETA_1 = 0.9, BETA_2 = 0.999, EPSILON = 1e-8;
constexpr int BATCHES = 4;

int64_t d, latents, rows, k;

Tensor empty(std::initializer_list<SymInt> sizes, ScalarType type = ScalarType::Float) {
    return empty_memory_format::call(sizes, type, {}, {}, {}, {});
}

Tensor zeros(std::initializer_list<SymInt> sizes) {
    Tensor made = empty(sizes);
    fill__Scalar::call(made, 0);
    return made;
}

Tensor zeros_as(const Tensor &other) { return zeros_like::call(other, {}, {}, {}, {}, {}); }

Tensor read(std::ifstream &file, std::initializer_list<SymInt> sizes) {
    Tensor made = empty(sizes);
    if (!file.read(made.data<char>(), made.elements() * sizeof(float))) {
        throw std::runtime_error("the file of weights is too short");
    }
    return made;
}

/** What is trained, with Adam's moments. */
struct Model {
    std::vector<Tensor> parameters, first, second, steps;

    Model(std::vector<Tensor> from) {
        for (const Tensor &one : from) {
            parameters.push_back(clone::call(one, {}));
            first.push_back(zeros_as(one));
            second.push_back(zeros_as(one));
            steps.push_back(zeros({}));
        }
    }
    Tensor &encoder() { return parameters[0]; }
    Tensor &decoder() { return parameters[1]; }
    Tensor &encoder_bias() { return parameters[2]; }
    Tensor &decoder_bias() { return parameters[3]; }
    Tensor &thresholds() { return parameters[4]; }

    /** torch.optim.Adam(fused=True), with what keeps decoder rows at norm 1 before and after, in place. */
    void update(std::vector<Tensor> gradients, double rate) {
        Tensor along = unsqueeze::call(linalg_vecdot::call(gradients[1], decoder(), 1), 1);
        addcmul_::call(gradients[1], decoder(), along, -1);
        for (Tensor &step : steps) {
            add__Tensor::call(step, one(), 1);
        }
        _fused_adam_::call(parameters, gradients, first, second, {}, steps, rate, BETA_1, BETA_2, 0, EPSILON, false,
                           false, {}, {});
        div__Tensor::call(decoder(), linalg_vector_norm::call(decoder(), 2, {1}, true, {}));
    }

    static const Tensor &one() {
        static const Tensor made = [] {
            Tensor scalar = empty({});
            fill__Scalar::call(scalar, 1);
            return scalar;
        }();
        return made;
    }
};

/** Which entries of a batch's codes are active, and what is needed to add up over them in either order. */
struct Entries {
    Tensor values, columns, rows, starts;
};

enum class Rule { TopK, BatchTopK, JumpRelu, Relu };
enum class Sums { IndexAdd, EmbeddingBag, SparseProduct };

struct Case {
    std::string name;
    double rate, penalty, bandwidth, threshold;
};

std::vector<Tensor> batches, initial;
Model *model;
Case now;
int64_t step;
Tensor product, row_of_entry, row_starts;

bool named(const char *part) { return now.name.find(part) != std::string::npos; }

Tensor squared_error(const Tensor &residual) {
    return mean::call(sum_dim_IntList::call(pow_Tensor_Scalar::call(residual, 2), {1}, false, {}), {});
}

double number(const Tensor &scalar) { return *scalar.data<float>(); }

Tensor pre_activations(const Tensor &centred) {
    return linear::call(centred, model->encoder(), model->encoder_bias());
}

Two largest(const Tensor &of, int64_t count) { return topk::call(of, count, -1, true, false); }

/** The same as the k largest of each row, in two stages: they all lie in the k groups with the largest maxima. */
Two largest_by_groups(const Tensor &of) {
    constexpr int SIZE = 16;
    int64_t groups = latents / SIZE;
    Tensor grouped = view::call(of, {rows, SIZE, groups});
    Tensor best = std::get<1>(largest(amax::call(grouped, {1}, false), k));
    Tensor candidates = gather::call(grouped, 2, expand::call(unsqueeze::call(best, 1), {rows, SIZE, k}, false), false);
    auto [values, places] = largest(view::call(candidates, {rows, SIZE * k}), k);
    Tensor in_group = div_Scalar_mode::call(places, static_cast<int>(k), "trunc");
    Tensor of_group = gather::call(best, 1, remainder_Scalar::call(places, static_cast<int>(k)), false);
    return {values, add_Tensor::call(of_group, in_group, static_cast<int>(groups))};
}

// ---------------------------------------------------------------------------------- autograd through dense codes

/** TopK, BatchTopK and ReLU as SAELens and dictionary_learning train them: B×F codes, everything else left to autograd. */
double dense(Rule rule, const Tensor &x) {
    c10::GradMode::set_enabled(true);
    Tensor pre = pre_activations(sub_Tensor::call(x, model->decoder_bias(), 1));
    Tensor codes;
    if (rule == Rule::Relu) {
        codes = relu::call(pre);
    } else if (rule == Rule::TopK) {
        auto [values, indices] = largest(pre, k);
        codes = scatter_src::call(zeros_as(pre), 1, indices, relu::call(values));
    } else {
        Tensor flat = view::call(relu::call(pre), {-1});
        auto [values, indices] = largest(flat, rows * k);
        codes = view::call(scatter_src::call(zeros_as(flat), 0, indices, values), {rows, latents});
    }
    Tensor output = addmm::call(model->decoder_bias(), codes, model->decoder(), 1, 1);
    Tensor error = squared_error(sub_Tensor::call(output, x, 1));
    Tensor loss = error;
    if (rule == Rule::Relu) {
        loss = add_Tensor::call(error, sum::call(codes, {}), now.penalty / rows);
    }
    _backward::call(loss, {}, {}, {}, false);
    c10::GradMode::set_enabled(false);
    std::vector<Tensor> gradients;
    for (Tensor &parameter : model->parameters) {
        gradients.push_back(parameter.grad());
        parameter.grad() = Tensor();
    }
    model->update(gradients, now.rate);
    return number(error);
}

/** JumpReLU: a torch.autograd.Function in either library, whose backward is written out here. */
double dense_jumprelu(const Tensor &x) {
    Tensor centred = sub_Tensor::call(x, model->decoder_bias(), 1);
    Tensor pre = pre_activations(centred);
    Tensor active = gt_Tensor::call(pre, model->thresholds());
    Tensor codes = mul_Tensor::call(pre, active);
    Tensor residual = sub_Tensor::call(addmm::call(model->decoder_bias(), codes, model->decoder(), 1, 1), x, 1);
    double error = number(squared_error(residual));
    mul__Scalar::call(residual, 2.0 / rows);
    Tensor through = mm::call(residual, t::call(model->decoder()));
    Tensor decoder = mm::call(t::call(codes), residual);
    Tensor window = le_Scalar::call(abs::call(sub_Tensor::call(pre, model->thresholds(), 1)), now.bandwidth / 2);
    // θ·g inside the window and λ/B for the penalty, both over -ε.
    Tensor inside = mul_Tensor::call(through, window);
    Tensor thresholds = mul_Tensor::call(sum_dim_IntList::call(inside, {0}, false, {}), model->thresholds());
    Tensor near = sum_dim_IntList::call(window, {0}, false, ScalarType::Float);
    thresholds = mul_Scalar::call(add_Tensor::call(thresholds, near, now.penalty / rows), -1 / now.bandwidth);
    Tensor back = mul__Tensor::call(through, active);
    Tensor encoder = mm::call(t::call(back), centred);
    Tensor encoder_bias = sum_dim_IntList::call(back, {0}, false, {});
    Tensor decoder_bias = sub_Tensor::call(sum_dim_IntList::call(residual, {0}, false, {}),
                                           mv::call(t::call(model->encoder()), encoder_bias), 1);
    model->update({encoder, decoder, encoder_bias, decoder_bias, thresholds}, now.rate);
    return error;
}

// -------------------------------------------------------------------- nothing of size B×F but the pre-activations

/** Entries of a flattened B×F matrix, in its order. */
Entries at_places(const Tensor &places, const Tensor &values) {
    Tensor of_row = div_Scalar_mode::call(places, static_cast<int>(latents), "trunc");
    Tensor columns = remainder_Scalar::call(places, static_cast<int>(latents));
    Tensor starts = _convert_indices_from_coo_to_csr::call(of_row, rows, false);
    return {values, columns, of_row, narrow::call(starts, 0, 0, rows)};
}

Entries select(Rule rule, const Tensor &pre) {
    if (rule == Rule::TopK) {
        auto [values, indices] = named("grouped") ? largest_by_groups(pre) : largest(pre, k);
        Tensor flat = view::call(values, {-1});
        return {relu_::call(flat), view::call(indices, {-1}), row_of_entry, row_starts};
    }
    Tensor flat = view::call(pre, {-1});
    if (rule == Rule::BatchTopK) {
        auto [values, indices] = largest(flat, rows * k);
        auto [places, order] = sort::call(indices, 0, false);
        return at_places(places, relu::call(take::call(values, order)));
    }
    Tensor kept = rule == Rule::Relu
                      ? gt_Scalar::call(pre, 0)
                      : gt_Tensor::call(pre, sub_Tensor::call(model->thresholds(), Model::one(), now.bandwidth / 2));
    Tensor places = view::call(nonzero::call(view::call(kept, {-1})), {-1});
    return at_places(places, take::call(flat, places));
}

/** Σ weight · row over the entries of each latent, for both halves of the weights. */
std::vector<Tensor> sums(Sums how, const Entries &entries, const Tensor &through, const Tensor &centred,
                         const Tensor &residual) {
    if (how == Sums::EmbeddingBag) {
        auto sum = [&](const Tensor &weights, const Tensor &of) {
            return _embedding_bag_dense_backward::call(of, entries.columns, entries.rows, entries.starts,
                                                       entries.starts, latents, false, 0, weights, -1);
        };
        return {sum(through, centred), sum(entries.values, residual)};
    }
    if (how == Sums::IndexAdd) {
        auto sum = [&](const Tensor &weights, const Tensor &of) {
            Tensor made = zeros({latents, d});
            Tensor terms = index_select::call(of, 0, entries.rows);
            mul__Tensor::call(terms, unsqueeze::call(weights, 1));
            return index_add_::call(made, 0, entries.columns, terms, 1);
        };
        return {sum(through, centred), sum(entries.values, residual)};
    }
    auto [columns, order] = sort::call(entries.columns, 0, false);
    Tensor starts = _convert_indices_from_coo_to_csr::call(columns, latents, true);
    Tensor of_row = to_dtype::call(take::call(entries.rows, order), ScalarType::Int, false, false, {});
    auto sum = [&, &order = order](const Tensor &weights, const Tensor &of) {
        Tensor matrix = _sparse_csr_tensor_unsafe::call(starts, of_row, take::call(weights, order), {latents, rows},
                                                        ScalarType::Float, c10::Layout::SparseCsr, {}, {});
        return mm::call(matrix, of);
    };
    return {sum(through, centred), sum(entries.values, residual)};
}

Tensor sum_by_latent(const Entries &entries, const Tensor &values) {
    Tensor made = zeros({latents});
    return index_add_::call(made, 0, entries.columns, values, 1);
}

double sparse(Rule rule, Sums how, const Tensor &x) {
    Tensor centred = sub_Tensor::call(x, model->decoder_bias(), 1);
    Entries entries = select(rule, pre_activations(centred));
    Tensor limits, active;
    Tensor values = entries.values;
    if (rule == Rule::JumpRelu) {
        limits = take::call(model->thresholds(), entries.columns);
        active = gt_Tensor::call(values, limits);
        entries.values = mul_Tensor::call(values, active);
    }
    Tensor output = std::get<0>(_embedding_bag::call(model->decoder(), entries.columns, entries.starts, false, 0, false,
                                                     entries.values, false, -1));
    // The decoder's bias is on both sides.
    Tensor residual = sub__Tensor::call(output, centred, 1);
    double error = number(squared_error(residual));
    mul__Scalar::call(residual, 2.0 / rows);
    Tensor through = _embedding_bag_per_sample_weights_backward::call(
        residual, model->decoder(), entries.columns, entries.starts, entries.rows, 0, -1);
    std::vector<Tensor> thresholds;
    if (rule == Rule::JumpRelu) {
        Tensor window = le_Scalar::call(abs::call(sub_Tensor::call(values, limits, 1)), now.bandwidth / 2);
        Tensor inside = add_Tensor::call(mul_Tensor::call(through, limits), Model::one(), now.penalty / rows);
        thresholds.push_back(sum_by_latent(
            entries, mul_Scalar::call(mul_Tensor::call(inside, window), -1 / now.bandwidth)));
        mul__Tensor::call(through, active);
    } else if (rule == Rule::Relu) {
        add__Tensor::call(through, Model::one(), now.penalty / rows);
    } else {
        mul__Tensor::call(through, gt_Scalar::call(values, 0));
    }
    std::vector<Tensor> gradients = sums(how, entries, through, centred, residual);
    Tensor encoder_bias = sum_by_latent(entries, through);
    gradients.push_back(encoder_bias);
    gradients.push_back(sub_Tensor::call(sum_dim_IntList::call(residual, {0}, false, {}),
                                         mv::call(t::call(model->encoder()), encoder_bias), 1));
    gradients.insert(gradients.end(), thresholds.begin(), thresholds.end());
    model->update(gradients, now.rate);
    return error;
}
} // namespace
