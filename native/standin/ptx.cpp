// SPDX-License-Identifier: Apache-2.0
#include "ptx.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

namespace standin {

namespace {

// Words ("ld.shared.f32", ".param", "%r1", "12") and single characters of punctuation; comments and strings are left
// out.
std::vector<std::string> tokens_of(const std::string& text) {
    std::vector<std::string> tokens;
    for (size_t at = 0; at < text.size();) {
        const unsigned char c = static_cast<unsigned char>(text[at]);
        if (isspace(c)) {
            at++;
        } else if (text.compare(at, 2, "//") == 0) {
            at = text.find('\n', at);
        } else if (text.compare(at, 2, "/*") == 0) {
            at = text.find("*/", at);
            at = at == std::string::npos ? at : at + 2;
        } else if (c == '"') {
            at = text.find('"', at + 1);
            at = at == std::string::npos ? at : at + 1;
        } else if (isalnum(c) || strchr("._$%", c) != nullptr) {
            size_t end = at;
            while (end < text.size() &&
                   (isalnum(static_cast<unsigned char>(text[end])) || strchr("._$%", text[end]) != nullptr)) {
                end++;
            }
            tokens.push_back(text.substr(at, end - at));
            at = end;
        } else {
            tokens.push_back(std::string(1, char(c)));
            at++;
        }
        if (at == std::string::npos) {
            break;
        }
    }
    return tokens;
}

// 0 for what is no type.
size_t bytes_of_type(const std::string& token) {
    if (token == ".pred") {
        return 1;
    }
    if (token.size() < 3 || token[0] != '.' || strchr("busf", token[1]) == nullptr || !isdigit(token[2])) {
        return 0;
    }
    return size_t(atoi(token.c_str() + 2)) / 8;
}

class Parser {
public:
    explicit Parser(const std::string& text) : tokens(tokens_of(text)) {}

    bool parse(Ptx& ptx, std::string& error) {
        if (peek() != ".version" || !isdigit(peek(1)[0])) {
            error = "the text doesn't begin with .version";
            return false;
        }
        ptx.version = int(strtod(peek(1).c_str(), nullptr) * 10 + 0.5);
        int depth = 0;
        while (at < tokens.size()) {
            const std::string token = next();
            if (token == ".target" && peek().compare(0, 3, "sm_") == 0) {
                ptx.target = atoi(next().c_str() + 3);
            } else if (token == ".entry" && depth == 0) {
                if (!entry(ptx, error)) {
                    return false;
                }
            } else if (token == "{") {
                depth++;
            } else if (token == "}") {
                depth--;
            }
        }
        if (depth != 0 || ptx.target == 0) {
            error = ptx.target == 0 ? "there is no .target" : "the text ends within braces";
            return false;
        }
        return true;
    }

private:
    const std::vector<std::string> tokens;
    size_t at = 0;
    const std::string end;

    const std::string& peek(size_t ahead = 0) const {
        return at + ahead < tokens.size() ? tokens[at + ahead] : end;
    }
    const std::string& next() { return at < tokens.size() ? tokens[at++] : end; }

    bool entry(Ptx& ptx, std::string& error) {
        PtxEntry found;
        found.name = next();
        if (peek() == "(") {
            next();
            while (at < tokens.size() && peek() != ")") {
                if (next() == ".param") {
                    found.parameters.push_back(parameter());
                }
            }
            next();
        }
        while (at < tokens.size() && peek() != "{" && peek() != ";") {
            const std::string directive = next();
            if (directive == ".maxntid" || directive == ".reqntid") {
                found.max_threads = unsigned(atoi(next().c_str()));
                while (peek() == ",") {
                    next();
                    found.max_threads *= unsigned(atoi(next().c_str()));
                }
            }
        }
        if (next() == "{" && !body(found)) {
            error = "the text ends within the kernel " + found.name;
            return false;
        }
        ptx.entries.push_back(found);
        return true;
    }

    // ".u64 .ptr .global .align 4 name" or ".align 8 .b8 name[24]", up to the comma or the parenthesis.
    PtxParameter parameter() {
        PtxParameter found;
        while (at < tokens.size() && peek() != "," && peek() != ")") {
            const std::string token = next();
            if (const size_t bytes = bytes_of_type(token)) {
                found.bytes = bytes;
                found.floating = token[1] == 'f';
            } else if (token == "[") {
                found.bytes *= size_t(strtoull(next().c_str(), nullptr, 10));
                found.array = true;
            }
        }
        return found;
    }

    // Up to the brace that ends it, with the shared variables it declares: ".shared .align 4 .b8 name[128];".
    bool body(PtxEntry& found) {
        for (int depth = 1; at < tokens.size();) {
            const std::string token = next();
            if (token == "{") {
                depth++;
            } else if (token == "}" && --depth == 0) {
                return true;
            } else if (token == ".shared") {
                size_t bytes = 0;
                while (at < tokens.size() && peek() != ";") {
                    const std::string part = next();
                    if (part == ".align") {
                        const size_t alignment = size_t(strtoull(next().c_str(), nullptr, 10));
                        found.shared_bytes = (found.shared_bytes + alignment - 1) / alignment * alignment;
                    } else if (const size_t size = bytes_of_type(part)) {
                        bytes = size;
                    } else if (part == "[") {
                        bytes *= size_t(strtoull(next().c_str(), nullptr, 10));
                    }
                }
                found.shared_bytes += bytes;
            }
        }
        return false;
    }
};

}  // namespace

bool parse_ptx(const std::string& text, Ptx& ptx, std::string& error) { return Parser(text).parse(ptx, error); }

int newest_ptx(int driver_version) {
    const int major = driver_version / 1000;
    const int minor = driver_version % 1000 / 10;
    if (major >= 13) {
        return 90 + (major - 13) * 10 + minor;
    }
    if (major == 12) {
        // 12.5 and 12.6 share 8.5, and so the later ones are behind by one.
        return 80 + (minor >= 6 ? minor - 1 : minor);
    }
    return major == 11 ? 70 + minor : 63 + minor;
}

}  // namespace standin
