#include "CSimdjson.h"

#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include <simdjson.h>

namespace {

using Stage = simdjson::internal::dom_parser_implementation;

inline bool is_space(uint8_t c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
inline bool is_digit(uint8_t c) { return uint8_t(c - '0') < 10; }

inline int hex_digit(uint8_t c) {
    if (is_digit(c)) return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
inline int hex4(const uint8_t *p) {
    int a = hex_digit(p[0]), b = hex_digit(p[1]), c = hex_digit(p[2]), d = hex_digit(p[3]);
    return (a | b | c | d) < 0 ? -1 : (a << 12) | (b << 8) | (c << 4) | d;
}

/// Reads the escape at `*p == '\\'`; returns the code point and moves `p` behind it, or -1.
inline int32_t read_escape(const uint8_t *&p, const uint8_t *end) {
    if (end - p < 2) return -1;
    uint8_t c = p[1];
    if (c != 'u') {
        p += 2;
        switch (c) {
        case '"': case '\\': case '/': return c;
        case 'b': return '\b';
        case 'f': return '\f';
        case 'n': return '\n';
        case 'r': return '\r';
        case 't': return '\t';
        default: p -= 2; return -1;
        }
    }
    if (end - p < 6) return -1;
    int unit = hex4(p + 2);
    if (unit < 0) return -1;
    if (unit >= 0xDC00 && unit <= 0xDFFF) return -1;
    if (unit < 0xD800 || unit > 0xDBFF) { p += 6; return unit; }
    if (end - p < 12 || p[6] != '\\' || p[7] != 'u') return -1;
    int low = hex4(p + 8);
    if (low < 0xDC00 || low > 0xDFFF) return -1;
    p += 12;
    return 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
}

inline uint64_t load64(const uint8_t *p) {
    uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
}

inline uint64_t load32(const uint8_t *p) {
    uint32_t v;
    std::memcpy(&v, p, 4);
    return v;
}

/// Eight hexadecimal digits in the order of memory, all at once in one word (little-endian machines).
inline uint64_t hex8(uint64_t v, bool &good) {
    const uint64_t ones = 0x0101010101010101ull, tops = 0x8080808080808080ull;
    uint64_t lower = v | ones * 0x20;
    uint64_t digit = (v + ones * (0x80 - '0')) & ~(v + ones * (0x80 - '9' - 1));
    uint64_t letter = (lower + ones * (0x80 - 'a')) & ~(lower + ones * (0x80 - 'f' - 1));
    good &= (v & tops) == 0 && ((digit | letter) & tops) == tops;
    uint64_t nibbles = (v & ones * 0x0F) + 9 * (v >> 6 & ones);
    nibbles = (nibbles << 4 | nibbles >> 8) & 0x00FF00FF00FF00FFull;
    nibbles = (nibbles | nibbles >> 8) & 0x0000FFFF0000FFFFull;
    return __builtin_bswap32(uint32_t(nibbles | nibbles >> 16));
}

struct Field {
    std::string name;
    uint64_t head;  // the first eight bytes, zero filled
    uint64_t mask;  // which of them count
};

struct Walker {
    const uint8_t *bytes;
    uint32_t length;
    const uint32_t *index;
    uint32_t count;
    bool escapes;
    uint32_t error = MR_JSON_OK;
    uint32_t position = 0;

    bool fail(uint32_t code, uint32_t at) {
        error = code;
        position = at;
        return false;
    }
    /// The end of the value that starts at the i-th structural position, without the space behind it.
    inline uint32_t end_of(uint32_t i) const {
        uint32_t end = index[i + 1];
        while (is_space(bytes[end - 1])) end--;
        return end;
    }
    bool check_escapes(const uint8_t *p, const uint8_t *end, bool &found) {
        while (p < end) {
            p = static_cast<const uint8_t *>(std::memchr(p, '\\', end - p));
            if (!p) return true;
            found = true;
            if (read_escape(p, end) < 0) return fail(MR_JSON_ESCAPE, uint32_t(p - bytes));
        }
        return true;
    }
    inline bool string(uint32_t i, mr_json_token &token) {
        uint32_t start = index[i] + 1, end = end_of(i) - 1;
        if (end < start || bytes[end] != '"') return fail(MR_JSON_SYNTAX, index[i]);
        token.start = start;
        token.end = end;
        token.next = 0;
        token.kind = MR_JSON_STRING;
        token.escaped = 0;
        token.hint = 0;
        if (escapes) {
            bool found = false;
            if (!check_escapes(bytes + start, bytes + end, found)) return false;
            token.escaped = found;
        }
        return true;
    }
    bool number(uint32_t i, mr_json_token &token) {
        uint32_t start = index[i], end = end_of(i), p = start;
        uint8_t kind = MR_JSON_INTEGER;
        if (bytes[p] == '-') p++;
        if (p == end || !is_digit(bytes[p])) return fail(MR_JSON_NUMBER, p);
        if (bytes[p] == '0') p++; else while (p < end && is_digit(bytes[p])) p++;
        if (p < end && bytes[p] == '.') {
            kind = MR_JSON_REAL;
            p++;
            if (p == end || !is_digit(bytes[p])) return fail(MR_JSON_NUMBER, p);
            while (p < end && is_digit(bytes[p])) p++;
        }
        if (p < end && (bytes[p] | 0x20) == 'e') {
            kind = MR_JSON_REAL;
            p++;
            if (p < end && (bytes[p] == '+' || bytes[p] == '-')) p++;
            if (p == end || !is_digit(bytes[p])) return fail(MR_JSON_NUMBER, p);
            while (p < end && is_digit(bytes[p])) p++;
        }
        if (p != end) return fail(MR_JSON_NUMBER, p);
        token = {start, end, 0, kind, 0, 0};
        return true;
    }
    bool word(uint32_t i, const char *text, uint32_t size, uint8_t kind, mr_json_token &token) {
        uint32_t start = index[i], end = end_of(i);
        if (end - start != size || std::memcmp(bytes + start, text, size)) return fail(MR_JSON_SYNTAX, start);
        token = {start, end, 0, kind, 0, 0};
        return true;
    }
    inline bool scalar(uint32_t i, mr_json_token &token) {
        uint8_t c = bytes[index[i]];
        if (c == '"') return string(i, token);
        if (c == '-' || is_digit(c)) return number(i, token);
        if (c == 't') return word(i, "true", 4, MR_JSON_TRUE, token);
        if (c == 'f') return word(i, "false", 5, MR_JSON_FALSE, token);
        if (c == 'n') return word(i, "null", 4, MR_JSON_NULL, token);
        return fail(MR_JSON_SYNTAX, index[i]);
    }

    /// Checks one value from the i-th structural position on and moves `i` behind it. With `Emit` it appends tokens,
    /// which never are more than structural positions.
    template <bool Emit> bool value(uint32_t &i, int outer, mr_json_token *out, uint32_t &used, mr_json_token &first) {
        uint32_t open[MR_JSON_MAX_DEPTH];
        uint64_t objects = 0;
        int level = 0;
        mr_json_token token;
        uint8_t c;
    value:
        if (i >= count) return fail(MR_JSON_TRUNCATED, length);
        c = bytes[index[i]];
        if (c == '{' || c == '[') {
            if (outer + level >= MR_JSON_MAX_DEPTH) return fail(MR_JSON_DEPTH, index[i]);
            bool object = c == '{';
            objects = (objects & ~(1ull << level)) | (uint64_t(object) << level);
            token = {index[i], 0, 0, uint8_t(object ? MR_JSON_OBJECT : MR_JSON_ARRAY), 0, 0};
            if (level == 0) first = token;
            if (Emit) {
                open[level] = used;
                out[used++] = token;
            }
            level++;
            i++;
            if (i < count && bytes[index[i]] == (object ? '}' : ']')) goto close;
            if (object) goto key;
            goto value;
        }
        if (!scalar(i, token)) return false;
        if (level == 0) first = token;
        if (Emit) {
            token.next = used + 1;
            out[used++] = token;
        }
        i++;
    after:
        if (level == 0) return true;
        if (i >= count) return fail(MR_JSON_TRUNCATED, length);
        c = bytes[index[i]];
        if (objects >> (level - 1) & 1) {
            if (c == '}') goto close;
            if (c != ',') return fail(MR_JSON_SYNTAX, index[i]);
            i++;
            goto key;
        }
        if (c == ']') goto close;
        if (c != ',') return fail(MR_JSON_SYNTAX, index[i]);
        i++;
        goto value;
    key:
        if (i >= count) return fail(MR_JSON_TRUNCATED, length);
        if (bytes[index[i]] != '"') return fail(MR_JSON_SYNTAX, index[i]);
        if (!string(i, token)) return false;
        if (Emit) {
            token.next = used + 1;
            out[used++] = token;
        }
        i++;
        if (i >= count) return fail(MR_JSON_TRUNCATED, length);
        if (bytes[index[i]] != ':') return fail(MR_JSON_SYNTAX, index[i]);
        i++;
        goto value;
    close:
        level--;
        if (level == 0) first.end = index[i] + 1;
        if (Emit) {
            out[open[level]].end = index[i] + 1;
            out[open[level]].next = used;
        }
        i++;
        goto after;
    }
};

/// The first byte that is not UTF-8, for the fault's position. Only runs on documents that simdjson refused.
uint32_t first_invalid(const uint8_t *p, uint32_t n) {
    uint32_t i = 0;
    while (i < n) {
        uint8_t c = p[i];
        uint32_t more = c < 0x80                 ? 0
                        : c >= 0xC2 && c < 0xE0 ? 1
                        : c >= 0xE0 && c < 0xF0 ? 2
                        : c >= 0xF0 && c < 0xF5 ? 3
                                                : 9;
        if (more == 9 || i + more >= n) return i;
        for (uint32_t k = 1; k <= more; k++)
            if ((p[i + k] & 0xC0) != 0x80) return i;
        if (c == 0xE0 && p[i + 1] < 0xA0) return i;
        if (c == 0xED && p[i + 1] > 0x9F) return i;
        if (c == 0xF0 && p[i + 1] < 0x90) return i;
        if (c == 0xF4 && p[i + 1] > 0x8F) return i;
        i += more + 1;
    }
    return n;
}

/// The first control character inside a string.
uint32_t first_control(const uint8_t *p, uint32_t n) {
    bool inside = false;
    for (uint32_t i = 0; i < n; i++) {
        if (inside && p[i] < 0x20) return i;
        if (inside && p[i] == '\\') i++;
        else if (p[i] == '"') inside = !inside;
    }
    return n;
}

}  // namespace

struct mr_json_plan {
    std::vector<Field> fields;
};

struct mr_json_parser {
    std::unique_ptr<Stage> stage;
    size_t capacity = 0;
    std::unique_ptr<mr_json_token[]> tape;
    size_t room = 0;
    mr_json_token slots[MR_JSON_MAX_FIELDS];
    mr_json_result result{};
    mr_json_parser *below = nullptr;

    const mr_json_result *refuse(uint32_t error, uint32_t position) {
        result.tokens = nullptr;
        result.count = 0;
        result.error = error;
        result.position = position;
        return &result;
    }

    /// Finds the structural positions. On an error it is in `result`.
    bool prepare(const uint8_t *bytes, size_t length, Walker &walker) {
        result.generation++;
        result.bytes = bytes;
        if (length > MR_JSON_MAX_BYTES) return refuse(MR_JSON_SIZE, MR_JSON_MAX_BYTES), false;
        if (length > capacity || !stage) {
            size_t wanted = 4096;
            while (wanted < length) wanted *= 2;
            auto code = stage ? stage->set_capacity(wanted)
                              : simdjson::get_active_implementation()->create_dom_parser_implementation(
                                    wanted, MR_JSON_MAX_DEPTH, stage);
            if (code) return capacity = 0, stage.reset(), refuse(MR_JSON_MEMORY, 0), false;
            capacity = wanted;
        }
        auto code = length == 0 ? simdjson::EMPTY : stage->stage1(bytes, length, simdjson::stage1_mode::regular);
        if (code) {
            auto size = uint32_t(length);
            switch (code) {
            case simdjson::UTF8_ERROR: refuse(MR_JSON_UTF8, first_invalid(bytes, size)); break;
            case simdjson::UNESCAPED_CHARS: refuse(MR_JSON_CONTROL, first_control(bytes, size)); break;
            case simdjson::UNCLOSED_STRING: case simdjson::EMPTY: refuse(MR_JSON_TRUNCATED, size); break;
            default: refuse(MR_JSON_SYNTAX, 0);
            }
            // simdjson reports what it meets first; damaged text is damaged whatever else is wrong.
            uint32_t bad = result.error == MR_JSON_UTF8 ? size : first_invalid(bytes, size);
            if (bad < size) refuse(MR_JSON_UTF8, bad);
            return false;
        }
        walker = {bytes, uint32_t(length), stage->structural_indexes.get(), stage->n_structural_indexes,
                  std::memchr(bytes, '\\', length) != nullptr};
        return true;
    }
};

namespace {

/// The parsers of one thread. `top` is the next free one.
struct ThreadParsers {
    mr_json_parser *free = nullptr;
    ~ThreadParsers();
};

std::mutex &orphans_lock() { static auto *lock = new std::mutex; return *lock; }
mr_json_parser *&orphans() { static mr_json_parser *list = nullptr; return list; }

ThreadParsers::~ThreadParsers() {
    std::lock_guard<std::mutex> hold(orphans_lock());
    while (free) {
        auto *next = free->below;
        free->below = orphans();
        orphans() = free;
        free = next;
    }
}

thread_local ThreadParsers parsers;

mr_json_parser *another_parser() {
    {
        std::lock_guard<std::mutex> hold(orphans_lock());
        if (auto *found = orphans()) {
            orphans() = found->below;
            return found;
        }
    }
    return new (std::nothrow) mr_json_parser;
}

/// Which field of the plan has this name, trying `hint` first; -1 when none.
inline int find_field(const mr_json_plan &plan, const uint8_t *text, size_t size, const uint8_t *limit, size_t hint) {
    uint64_t head = 0;
    if (text + 8 <= limit) head = load64(text); else std::memcpy(&head, text, size < 8 ? size : 8);
    auto same = [&](const Field &f) {
        return f.name.size() == size && ((head ^ f.head) & f.mask) == 0 &&
               (size <= 8 || std::memcmp(text + 8, f.name.data() + 8, size - 8) == 0);
    };
    size_t n = plan.fields.size();
    if (hint < n && same(plan.fields[hint])) return int(hint);
    for (size_t i = 0; i < n; i++)
        if (same(plan.fields[i])) return int(i);
    return -1;
}

}  // namespace

extern "C" {

const char *mr_json_implementation(void) {
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}

mr_json_parser *mr_json_begin(void) {
    auto &mine = parsers;
    auto *parser = mine.free;
    if (!parser) return another_parser();
    mine.free = parser->below;
    return parser;
}

void mr_json_end(mr_json_parser *parser) {
    parser->result.generation++;
    auto &mine = parsers;
    parser->below = mine.free;
    mine.free = parser;
}

const mr_json_result *mr_json_last(const mr_json_parser *parser) { return &parser->result; }

const mr_json_result *mr_json_parse(mr_json_parser *parser, const void *bytes, size_t length) {
    Walker walker{};
    if (!parser->prepare(static_cast<const uint8_t *>(bytes), length, walker)) return &parser->result;
    if (walker.count > parser->room) {
        size_t room = parser->room ? parser->room : 256;
        while (room < walker.count) room *= 2;
        parser->tape.reset(new (std::nothrow) mr_json_token[room]);
        parser->room = parser->tape ? room : 0;
        if (!parser->tape) return parser->refuse(MR_JSON_MEMORY, 0);
    }
    uint32_t i = 0, used = 0;
    mr_json_token first{};
    if (!walker.value<true>(i, 0, parser->tape.get(), used, first))
        return parser->refuse(walker.error, walker.position);
    if (i != walker.count) return parser->refuse(MR_JSON_TRAILING, walker.index[i]);
    auto &result = parser->result;
    result.tokens = parser->tape.get();
    result.count = used;
    result.error = MR_JSON_OK;
    return &result;
}

mr_json_plan *mr_json_plan_make(const char *const *names, const size_t *lengths, size_t count) {
    if (count > MR_JSON_MAX_FIELDS) return nullptr;
    auto *plan = new (std::nothrow) mr_json_plan;
    if (!plan) return nullptr;
    for (size_t i = 0; i < count; i++) {
        Field field{std::string(names[i], lengths[i]), 0, 0};
        size_t head = lengths[i] < 8 ? lengths[i] : 8;
        uint8_t ones[8] = {0};
        std::memset(ones, 0xFF, head);
        std::memcpy(&field.head, names[i], head);
        std::memcpy(&field.mask, ones, 8);
        plan->fields.push_back(std::move(field));
    }
    return plan;
}

void mr_json_plan_free(mr_json_plan *plan) { delete plan; }

const mr_json_result *mr_json_extract(
    mr_json_parser *parser, const mr_json_plan *plan, const void *bytes, size_t length) {
    Walker walker{};
    if (!parser->prepare(static_cast<const uint8_t *>(bytes), length, walker)) return &parser->result;
    auto refuse = [&](uint32_t code, uint32_t at) { return parser->refuse(code, at); };
    auto &result = parser->result;
    const uint32_t *index = walker.index;
    const uint8_t *text = walker.bytes;
    const uint32_t count = walker.count;
    size_t fields = plan->fields.size(), hint = 0;
    mr_json_token ignored;
    for (size_t f = 0; f < fields; f++) parser->slots[f].kind = MR_JSON_ABSENT;

    if (text[index[0]] != '{') {
        uint32_t i = 0, used = 0;
        mr_json_token first{};
        if (!walker.value<false>(i, 0, nullptr, used, first)) return refuse(walker.error, walker.position);
        return refuse(MR_JSON_NOT_OBJECT, index[0]);
    }
    uint32_t i = 1;
    if (count > 1 && text[index[1]] == '}') {
        i = 2;
    } else {
        while (true) {
            mr_json_token key;
            if (i >= count) return refuse(MR_JSON_TRUNCATED, walker.length);
            if (text[index[i]] != '"') return refuse(MR_JSON_SYNTAX, index[i]);
            if (!walker.string(i, key)) return refuse(walker.error, walker.position);
            i++;
            if (i >= count) return refuse(MR_JSON_TRUNCATED, walker.length);
            if (text[index[i]] != ':') return refuse(MR_JSON_SYNTAX, index[i]);
            i++;
            int field;
            if (__builtin_expect(key.escaped, 0)) {
                std::string plain(key.end - key.start, 0);
                size_t size = mr_json_unescape(text + key.start, plain.size(), &plain[0]);
                auto *p = reinterpret_cast<const uint8_t *>(plain.data());
                field = find_field(*plan, p, size, p + size, hint);
            } else {
                field = find_field(*plan, text + key.start, key.end - key.start, text + walker.length, hint);
            }
            // Straight into its slot: a copy would wait for the stores it is made of.
            mr_json_token *slot = &ignored;
            if (field >= 0) {
                slot = &parser->slots[field];
                if (slot->kind != MR_JSON_ABSENT) {
                    result.field = uint32_t(field);
                    return refuse(MR_JSON_DUPLICATE, key.start - 1);
                }
                hint = size_t(field) + 1;
            }
            if (i >= count) return refuse(MR_JSON_TRUNCATED, walker.length);
            uint8_t c = text[index[i]];
            if (c == '"') {
                if (!walker.string(i, *slot)) return refuse(walker.error, walker.position);
                i++;
            } else {
                uint32_t used = 0;
                if (c == '{' || c == '[') {
                    if (!walker.value<false>(i, 1, nullptr, used, *slot))
                        return refuse(walker.error, walker.position);
                } else {
                    if (!walker.scalar(i, *slot)) return refuse(walker.error, walker.position);
                    i++;
                }
            }
            if (i >= count) return refuse(MR_JSON_TRUNCATED, walker.length);
            c = text[index[i++]];
            if (c == '}') break;
            if (c != ',') return refuse(MR_JSON_SYNTAX, index[i - 1]);
        }
    }
    if (i != count) return refuse(MR_JSON_TRAILING, index[i]);
    result.tokens = parser->slots;
    result.count = uint32_t(fields);
    result.error = MR_JSON_OK;
    return &result;
}

size_t mr_json_unescape(const void *source, size_t length, void *target) {
    auto *p = static_cast<const uint8_t *>(source), *end = p + length;
    auto *out = static_cast<uint8_t *>(target), *start = out;
    while (p < end) {
        if (*p != '\\') { *out++ = *p++; continue; }
        int32_t c = read_escape(p, end);
        if (c < 0) return size_t(out - start);
        if (c < 0x80) {
            *out++ = uint8_t(c);
        } else if (c < 0x800) {
            *out++ = uint8_t(0xC0 | c >> 6);
            *out++ = uint8_t(0x80 | (c & 63));
        } else if (c < 0x10000) {
            *out++ = uint8_t(0xE0 | c >> 12);
            *out++ = uint8_t(0x80 | (c >> 6 & 63));
            *out++ = uint8_t(0x80 | (c & 63));
        } else {
            *out++ = uint8_t(0xF0 | c >> 18);
            *out++ = uint8_t(0x80 | (c >> 12 & 63));
            *out++ = uint8_t(0x80 | (c >> 6 & 63));
            *out++ = uint8_t(0x80 | (c & 63));
        }
    }
    return size_t(out - start);
}

int mr_json_double(const void *text, size_t length, double *out) {
    // Exact when the digits fit 2^53 and the power of ten is exact too (Clinger); simdjson's own reader otherwise.
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    auto *p = static_cast<const uint8_t *>(text), *end = p + length;
    bool negative = p < end && *p == '-';
    if (negative) p++;
    uint64_t digits = 0;
    int seen = 0, scale = 0;
    for (; p < end && is_digit(*p); p++, seen++) digits = digits * 10 + (*p - '0');
    if (p < end && *p == '.')
        for (p++; p < end && is_digit(*p); p++, seen++, scale--) digits = digits * 10 + (*p - '0');
    if (seen <= 18 && digits < 1ull << 53) {
        int exponent = 0;
        if (p < end) {
            p++;
            bool minus = *p == '-';
            if (*p == '-' || *p == '+') p++;
            for (; p < end && exponent < 10000; p++) exponent = exponent * 10 + (*p - '0');
            if (minus) exponent = -exponent;
        }
        exponent += scale;
        if (digits == 0 || (exponent >= -22 && exponent <= 22)) {
            double value = double(digits);
            if (digits != 0) value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
            *out = negative ? -value : value;
            return 1;
        }
    }
    auto *begin = static_cast<const char *>(text);
    double value = simdjson::internal::from_chars(begin, begin + length);
    *out = value;
    return value - value == 0;
}

int mr_json_uuid(const void *text, uint64_t *high, uint64_t *low) {
    auto *p = static_cast<const uint8_t *>(text);
    if (p[8] != '-' || p[13] != '-' || p[18] != '-' || p[23] != '-') return 0;
    bool good = true;
    uint64_t a = hex8(load64(p), good);
    uint64_t b = hex8(load32(p + 9) | load32(p + 14) << 32, good);
    uint64_t c = hex8(load32(p + 19) | load32(p + 24) << 32, good);
    uint64_t d = hex8(load64(p + 28), good);
    *high = a << 32 | b;
    *low = c << 32 | d;
    return good;
}
}
