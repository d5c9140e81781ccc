// SPDX-License-Identifier: Apache-2.0
//
// PyTorch's side of ci/compare-pytorch: training steps of SAEs made of the operators that a Python program would call, in
// the order in which it would call them, without the cost of Python. Reads commands from standard input, one a line, and
// answers each with one line:
//
//     open FILE D F B K          the activations and initial weights that Darien wrote
//     case NAME LR PENALTY BANDWIDTH THRESHOLD
//                                what runs next, from the initial weights on
//     losses N                   the losses of N steps
//     selected FILE              writes the latents that TopK keeps of the first batch, I32[B, K]
//     run THREADS TIMES          seconds by the wall and of the processor, of TIMES repetitions
#include "cpu_steps.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <malloc.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <time.h>

namespace {
/** One repetition of the case, and the loss of a step. */
double repeat() {
    const Tensor &x = batches[step++ % BATCHES];
    if (named("sgemm")) {
        mm_out::call(batches[0], t::call(model->encoder()), product);
        return 0;
    }
    if (named("encode")) {
        Tensor pre = pre_activations(sub_Tensor::call(batches[0], model->decoder_bias(), 1));
        named("grouped") ? largest_by_groups(pre) : largest(pre, k);
        return 0;
    }
    Rule rule = named("batchtopk") ? Rule::BatchTopK
                : named("topk")    ? Rule::TopK
                : named("jumprelu") ? Rule::JumpRelu
                                    : Rule::Relu;
    if (named("dense")) {
        return rule == Rule::JumpRelu ? dense_jumprelu(x) : dense(rule, x);
    }
    Sums how = named("index-add") ? Sums::IndexAdd : named("embedding-bag") ? Sums::EmbeddingBag : Sums::SparseProduct;
    return sparse(rule, how, x);
}

void open(std::istream &words) {
    std::string name;
    words >> name >> d >> latents >> rows >> k;
    std::ifstream file(name, std::ios::binary);
    batches.clear();
    for (int batch = 0; batch < BATCHES; batch++) {
        batches.push_back(read(file, {rows, d}));
    }
    Tensor weights = read(file, {latents, d});
    initial = {weights, weights, zeros({latents}), zeros({d})};
    product = Tensor();
    row_starts = empty({rows}, ScalarType::Long);
    row_of_entry = empty({rows * k}, ScalarType::Long);
    for (int64_t entry = 0; entry < rows * k; entry++) {
        row_of_entry.data<int64_t>()[entry] = entry / k;
        row_starts.data<int64_t>()[entry / k] = entry / k * k;
    }
}

/** Everything from the start again. */
void reset() {
    delete model;
    model = nullptr;
    product = Tensor();
    // What the case before has left in pieces would add to the next one's.
    malloc_trim(0);
    std::vector<Tensor> parameters = initial;
    if (named("jumprelu")) {
        Tensor thresholds = zeros({latents});
        parameters.push_back(fill__Scalar::call(thresholds, now.threshold));
    }
    model = new Model(parameters);
    if (named("relu") && !named("jumprelu")) {
        fill__Scalar::call(model->encoder_bias(), -now.threshold);
    }
    step = 0;
    product = named("sgemm") ? empty({rows, latents}) : Tensor();
    for (Tensor &parameter : model->parameters) {
        requires_grad_::call(parameter, named("dense") && !named("jumprelu"));
    }
}

void selected(const std::string &name) {
    Tensor pre = pre_activations(sub_Tensor::call(batches[0], model->decoder_bias(), 1));
    auto [values, indices] = largest(pre, k);
    Tensor narrow = to_dtype::call(indices, ScalarType::Int, false, false, {});
    std::ofstream(name, std::ios::binary).write(narrow.data<char>(), rows * k * 4);
}

double seconds(clockid_t clock) {
    timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec + 1e-9 * now.tv_nsec;
}

std::string answer(const std::string &line) {
    std::istringstream words(line);
    std::ostringstream out;
    out.precision(9);
    std::string command;
    words >> command;
    if (command == "open") {
        open(words);
    } else if (command == "case") {
        words >> now.name >> now.rate >> now.penalty >> now.bandwidth >> now.threshold;
        reset();
    } else if (command == "losses") {
        int count;
        words >> count;
        for (int at = 0; at < count; at++) {
            out << repeat() << ' ';
        }
    } else if (command == "selected") {
        std::string name;
        words >> name;
        selected(name);
    } else if (command == "run") {
        int threads, times;
        words >> threads >> times;
        at::set_num_threads(threads);
        double wall = seconds(CLOCK_MONOTONIC), processor = seconds(CLOCK_PROCESS_CPUTIME_ID);
        for (int at = 0; at < times; at++) {
            repeat();
        }
        processor = seconds(CLOCK_PROCESS_CPUTIME_ID) - processor;
        out << seconds(CLOCK_MONOTONIC) - wall << ' ' << processor;
    } else if (command == "version") {
        std::string shown = at::show_config();
        std::replace(shown.begin(), shown.end(), '\n', ' ');
        out << shown;
    } else {
        throw std::runtime_error("unknown command " + line);
    }
    return out.str();
}
} // namespace

int main() {
    // Memory that is freed stays with the process, so that a step's tensors are not new pages each time.
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    c10::GradMode::set_enabled(false);
    for (std::string line; std::getline(std::cin, line);) {
        try {
            std::cout << answer(line) << std::endl;
        } catch (const std::exception &failure) {
            // Without the stack that follows. What doesn't fit the memory is no reason to end.
            std::string what = failure.what();
            std::cout << "failed: " << what.substr(0, what.find('\n')) << std::endl;
        }
    }
}
