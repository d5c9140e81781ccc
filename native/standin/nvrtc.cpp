// SPDX-License-Identifier: Apache-2.0
//
// NVRTC without a compiler: the "compiled" PTX has the entries, and no code, of those kernels of this library that the
// source text names. So it loads and runs, and everything around a compilation can be tested.
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <set>
#include <string>

#include "api.h"
#include "ptx.h"
#include "registry.h"
#include "state.h"

typedef enum nvrtcResult {
    NVRTC_SUCCESS = 0,
    NVRTC_ERROR_OUT_OF_MEMORY = 1,
    NVRTC_ERROR_PROGRAM_CREATION_FAILURE = 2,
    NVRTC_ERROR_INVALID_INPUT = 3,
    NVRTC_ERROR_INVALID_PROGRAM = 4,
    NVRTC_ERROR_INVALID_OPTION = 5,
    NVRTC_ERROR_COMPILATION = 6,
    NVRTC_ERROR_BUILTIN_OPERATION_FAILURE = 7
} nvrtcResult;

typedef struct _nvrtcProgram* nvrtcProgram;

namespace standin {

namespace {

struct Program {
    std::string name;
    std::string source;
    std::set<std::string> headers;
    std::string ptx;
    std::string log;
};

Table<nvrtcProgram, Program>& programs() {
    static Table<nvrtcProgram, Program>& all = *new Table<nvrtcProgram, Program>();
    return all;
}

std::shared_ptr<Program> program_of(nvrtcProgram handle) {
    const std::shared_ptr<Program> program = programs().find(handle);
    if (program == nullptr) {
        complain("no such program; it may have been destroyed");
    }
    return program;
}

bool names(const std::string& source, const std::string& kernel) {
    const auto is_part = [](char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; };
    for (size_t at = source.find(kernel); at != std::string::npos; at = source.find(kernel, at + 1)) {
        const size_t end = at + kernel.size();
        if ((at == 0 || !is_part(source[at - 1])) && (end == source.size() || !is_part(source[end]))) {
            return true;
        }
    }
    return false;
}

// What a preprocessor would stumble over: an #error outside any condition, an #include of what wasn't given.
bool preprocess(const Program& program, bool finds_files, std::string& log) {
    int depth = 0;
    int number = 1;
    for (size_t at = 0; at < program.source.size(); number++) {
        size_t end = program.source.find('\n', at);
        end = end == std::string::npos ? program.source.size() : end;
        std::string line = program.source.substr(at, end - at);
        at = end + 1;
        line.erase(0, line.find_first_not_of(" \t"));
        if (line.empty() || line[0] != '#') {
            continue;
        }
        line.erase(0, 1);
        line.erase(0, line.find_first_not_of(" \t"));
        const std::string where = program.name + "(" + std::to_string(number) + "): ";
        if (line.compare(0, 2, "if") == 0) {
            depth++;
        } else if (line.compare(0, 5, "endif") == 0) {
            depth--;
        } else if (line.compare(0, 5, "error") == 0 && depth == 0) {
            log = where + "catastrophic error: #error directive:" + line.substr(5) + "\n";
            return false;
        } else if (line.compare(0, 7, "include") == 0 && !finds_files) {
            const size_t open = line.find_first_of("\"<");
            const size_t close = open == std::string::npos ? open : line.find_first_of("\">", open + 1);
            if (close == std::string::npos) {
                continue;
            }
            const std::string header = line.substr(open + 1, close - open - 1);
            if (program.headers.count(header) == 0) {
                log = where + "catastrophic error: cannot open source file \"" + header + "\"\n";
                return false;
            }
        }
    }
    return true;
}

std::string entry_of(const Kernel& kernel) {
    std::string text = std::string(".visible .entry ") + kernel.name + "(";
    for (size_t at = 0; at < kernel.count; at++) {
        const Parameter& parameter = kernel.parameters[at];
        char line[300];
        if (parameter.kind == Parameter::Kind::BYTES) {
            snprintf(line, sizeof line, "%s\n\t.param .align %zu .b8 %s_param_%zu[%zu]", at == 0 ? "" : ",",
                     parameter.alignment, kernel.name, at, parameter.bytes);
        } else {
            snprintf(line, sizeof line, "%s\n\t.param .%c%zu %s_param_%zu", at == 0 ? "" : ",",
                     parameter.kind == Parameter::Kind::FLOATING ? 'f' : 'u', parameter.bytes * 8, kernel.name, at);
        }
        text += line;
    }
    return text + "\n)\n{\n\tret;\n}\n\n";
}

nvrtcResult compile(Program& program, int count, const char* const* options) {
    int target = 75;
    bool finds_files = false;
    program.log.clear();
    program.ptx.clear();
    for (int at = 0; at < count; at++) {
        const std::string option = options[at] == nullptr ? "" : options[at];
        if (option.empty() || option[0] != '-') {
            program.log = "nvrtc: error: unrecognized option " + option + " found\n";
            return NVRTC_ERROR_INVALID_OPTION;
        }
        const bool architecture = option.compare(0, 18, "--gpu-architecture") == 0 || option.compare(0, 5, "-arch") == 0;
        if (architecture && option.find('_') != std::string::npos) {
            target = atoi(option.c_str() + option.find('_') + 1);
        }
        finds_files = finds_files || option.compare(0, 2, "-I") == 0 || option.compare(0, 14, "--include-path") == 0;
    }
    if (program.source.find_first_not_of(" \t\r\n") == std::string::npos) {
        program.log = program.name + ": error: the source is empty\n";
        return NVRTC_ERROR_COMPILATION;
    }
    if (!preprocess(program, finds_files, program.log)) {
        return NVRTC_ERROR_COMPILATION;
    }
    const int version = newest_ptx(int(control.driver_version));
    char head[200];
    snprintf(head, sizeof head, "// Made by the host stand-in: entries without code.\n.version %d.%d\n.target sm_%d\n%s",
             version / 10, version % 10, target, ".address_size 64\n\n");
    program.ptx = head;
    for (size_t at = 0; kernel_at(at) != nullptr; at++) {
        if (names(program.source, kernel_at(at)->name)) {
            program.ptx += entry_of(*kernel_at(at));
        }
    }
    return NVRTC_SUCCESS;
}

// `wanted` may be PTX only after a compilation that went well.
nvrtcResult get(const std::string* wanted, char* text, size_t* bytes) {
    if (text != nullptr) {
        memcpy(text, wanted->c_str(), wanted->size() + 1);
    }
    if (bytes != nullptr) {
        *bytes = wanted->size() + 1;
    }
    if (text == nullptr && bytes == nullptr) {
        complain("no place for the result");
        return NVRTC_ERROR_INVALID_INPUT;
    }
    return NVRTC_SUCCESS;
}

nvrtcResult get_ptx(nvrtcProgram handle, char* text, size_t* bytes) {
    const std::shared_ptr<Program> program = program_of(handle);
    if (program == nullptr || program->ptx.empty()) {
        return NVRTC_ERROR_INVALID_PROGRAM;
    }
    return get(&program->ptx, text, bytes);
}

nvrtcResult get_log(nvrtcProgram handle, char* text, size_t* bytes) {
    const std::shared_ptr<Program> program = program_of(handle);
    return program == nullptr ? NVRTC_ERROR_INVALID_PROGRAM : get(&program->log, text, bytes);
}

}  // namespace

}  // namespace standin

using namespace standin;

STANDIN_EXPORT nvrtcResult nvrtcVersion(int* major, int* minor) {
    Lock lock(__func__);
    if (major == nullptr || minor == nullptr) {
        complain("major or minor is null");
        return NVRTC_ERROR_INVALID_INPUT;
    }
    *major = int(control.driver_version) / 1000;
    *minor = int(control.driver_version) % 1000 / 10;
    return NVRTC_SUCCESS;
}

STANDIN_EXPORT nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char* name, int count,
                                              const char* const* headers, const char* const* include_names) {
    Lock lock(__func__);
    if (program == nullptr || source == nullptr || count < 0 ||
        (count > 0 && (headers == nullptr || include_names == nullptr))) {
        complain("no source, or no headers where some were announced");
        return NVRTC_ERROR_INVALID_INPUT;
    }
    const auto made = std::make_shared<Program>();
    made->name = name == nullptr ? "default_program" : name;
    made->source = source;
    for (int at = 0; at < count; at++) {
        made->headers.insert(include_names[at]);
    }
    *program = programs().add(made);
    return NVRTC_SUCCESS;
}

STANDIN_EXPORT nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
    Lock lock(__func__);
    if (program == nullptr || program_of(*program) == nullptr) {
        return NVRTC_ERROR_INVALID_PROGRAM;
    }
    programs().remove(*program);
    *program = nullptr;
    return NVRTC_SUCCESS;
}

STANDIN_EXPORT nvrtcResult nvrtcCompileProgram(nvrtcProgram handle, int count, const char* const* options) {
    Lock lock(__func__);
    const std::shared_ptr<Program> program = program_of(handle);
    if (program == nullptr) {
        return NVRTC_ERROR_INVALID_PROGRAM;
    }
    if (count < 0 || (count > 0 && options == nullptr)) {
        complain("%d options, of which none is given", count);
        return NVRTC_ERROR_INVALID_INPUT;
    }
    return compile(*program, count, options);
}

STANDIN_EXPORT nvrtcResult nvrtcGetPTXSize(nvrtcProgram program, size_t* bytes) {
    Lock lock(__func__);
    return get_ptx(program, nullptr, bytes);
}

STANDIN_EXPORT nvrtcResult nvrtcGetPTX(nvrtcProgram program, char* text) {
    Lock lock(__func__);
    return get_ptx(program, text, nullptr);
}

STANDIN_EXPORT nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* bytes) {
    Lock lock(__func__);
    return get_log(program, nullptr, bytes);
}

STANDIN_EXPORT nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* text) {
    Lock lock(__func__);
    return get_log(program, text, nullptr);
}

STANDIN_EXPORT const char* nvrtcGetErrorString(nvrtcResult result) {
    switch (result) {
        case NVRTC_SUCCESS: return "NVRTC_SUCCESS";
        case NVRTC_ERROR_OUT_OF_MEMORY: return "NVRTC_ERROR_OUT_OF_MEMORY";
        case NVRTC_ERROR_PROGRAM_CREATION_FAILURE: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
        case NVRTC_ERROR_INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
        case NVRTC_ERROR_INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
        case NVRTC_ERROR_INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
        case NVRTC_ERROR_COMPILATION: return "NVRTC_ERROR_COMPILATION";
        case NVRTC_ERROR_BUILTIN_OPERATION_FAILURE: return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
    }
    return "NVRTC_ERROR unknown";
}
