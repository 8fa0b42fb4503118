#include "CSimdjson.h"

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include <simdjson.h>

#include "Layout.h"
#include "Walker.h"

namespace {

using Stage = simdjson::internal::dom_parser_implementation;

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

typedef uint64_t Words __attribute__((ext_vector_type(4)));
typedef uint16_t Pairs __attribute__((ext_vector_type(16)));
typedef uint8_t HalfBlock __attribute__((ext_vector_type(16)));

struct Field {
    std::string name;
    uint64_t head;  // the first eight bytes, zero filled
    uint64_t mask;  // which of them count
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
    /// No other plan ever has it, though one may be made at the place of another that is gone.
    uint64_t number;
};

struct mr_json_parser {
    std::unique_ptr<Stage> stage;
    size_t capacity = 0;
    std::unique_ptr<mr_json_token[]> tape;
    size_t room = 0;
    /// One behind the fields takes the values that nobody asked for.
    mr_json_token slots[MR_JSON_MAX_FIELDS + 1];
    mr_json_result result{};
    mr_json_parser *below = nullptr;
    /// What the last readers expect; the oldest makes room for a new one.
    Expectation expectations[4];
    uint32_t recent = 0;
    uint64_t expected = 0;

    const mr_json_result *refuse(uint32_t error, uint32_t position) {
        result.tokens = nullptr;
        result.count = 0;
        result.error = error;
        result.position = position;
        return &result;
    }

    MR_INLINE Expectation &expectation(uint64_t owner) {
        Expectation &last = expectations[recent];
        return __builtin_expect(last.owner == owner, 1) ? last : another_expectation(owner);
    }
    Expectation &another_expectation(uint64_t owner) {
        const uint32_t count = sizeof expectations / sizeof *expectations;
        for (uint32_t i = 0; i < count; i++)
            if (expectations[i].owner == owner) return expectations[recent = i];
        recent = (recent + 1) % count;
        expectations[recent].begin(owner);
        return expectations[recent];
    }
    /// A new document, and what to answer when it is as expected.
    MR_INLINE void begin(const void *bytes, size_t length) {
        result.generation++;
        result.parser = this;
        result.bytes = bytes;
        result.length = length;
    }
    MR_INLINE const mr_json_result *accept(const mr_json_token *tokens, uint32_t count) {
        result.tokens = tokens;
        result.count = count;
        result.error = MR_JSON_OK;
        return &result;
    }
    bool make_room(uint32_t tokens) {
        if (tokens <= room) return true;
        size_t wanted = room ? room : 256;
        while (wanted < tokens) wanted *= 2;
        std::unique_ptr<mr_json_token[]> larger(new (std::nothrow) mr_json_token[wanted]);
        if (!larger) return false;
        tape = std::move(larger);
        room = wanted;
        return true;
    }

    /// Finds the structural positions. On an error it is in `result`.
    bool prepare(const uint8_t *bytes, size_t length, Walker &walker) {
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

std::mutex &orphans_lock() { static auto *lock = new std::mutex; return *lock; }
mr_json_parser *&orphans() { static mr_json_parser *list = nullptr; return list; }

/// This thread's parsers that nobody uses. A plain word, so that it is reached without a check.
thread_local mr_json_parser *free_parsers = nullptr;

/// Gives them away when the thread ends.
struct Farewell {
    ~Farewell() {
        std::lock_guard<std::mutex> hold(orphans_lock());
        while (free_parsers) {
            auto *next = free_parsers->below;
            free_parsers->below = orphans();
            orphans() = free_parsers;
            free_parsers = next;
        }
    }
};
thread_local Farewell farewell;

__attribute__((noinline)) mr_json_parser *another_parser() {
    // Reached, so that it is there when the thread ends.
    [[maybe_unused]] auto *reached = &farewell;
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

/// The same for a key of a document.
inline int find_field(const mr_json_plan &plan, const Walker &walker, const mr_json_token &key, size_t hint) {
    const uint8_t *text = walker.bytes + key.start;
    size_t size = key.end - key.start;
    if (__builtin_expect(!key.escaped, 1)) return find_field(plan, text, size, walker.bytes + walker.length, hint);
    std::string plain(size, 0);
    size = mr_json_unescape(text, size, &plain[0]);
    auto *p = reinterpret_cast<const uint8_t *>(plain.data());
    return find_field(plan, p, size, p + size, hint);
}

/// Keeps the layout of a document that was read by a plan. Goes over it once more, for all of its tokens.
void learn(mr_json_parser *parser, Expectation &expectation, const mr_json_plan &plan, Walker &walker) {
    if (!parser->make_room(walker.count)) return;
    mr_json_token *tape = parser->tape.get(), first{};
    uint32_t i = 0, used = 0;
    if (!walker.value<true>(i, 0, tape, used, first)) return;
    int slot_of[Layout::max_values + Layout::max_moved];
    if (used > sizeof slot_of / sizeof *slot_of) return expectation.pass();
    for (uint32_t i = 0; i < used; i++) slot_of[i] = -1;
    for (uint32_t key = 1; key < used; key = tape[key + 1].next)
        slot_of[key + 1] = find_field(plan, walker, tape[key], 0);
    expectation.learn(walker.bytes, walker.length, tape, used, slot_of, uint32_t(plan.fields.size()),
                      MR_JSON_MAX_FIELDS);
}

/// The full way: the fields of a plan, one after the other as the document has them.
const mr_json_result *read_fields(
    mr_json_parser *parser, Expectation &expectation, const mr_json_plan &plan, const uint8_t *bytes, size_t length) {
    Walker walker{};
    if (!parser->prepare(bytes, length, walker)) return &parser->result;
    auto refuse = [&](uint32_t code, uint32_t at) { return parser->refuse(code, at); };
    const uint32_t *index = walker.index;
    const uint8_t *text = walker.bytes;
    const uint32_t count = walker.count;
    size_t fields = plan.fields.size(), hint = 0;
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
            int field = find_field(plan, walker, key, hint);
            // Straight into its slot: a copy would wait for the stores it is made of.
            mr_json_token *slot = &ignored;
            if (field >= 0) {
                slot = &parser->slots[field];
                if (slot->kind != MR_JSON_ABSENT) {
                    parser->result.field = uint32_t(field);
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
    if (expectation.wants_to_learn()) learn(parser, expectation, plan, walker);
    return parser->accept(parser->slots, uint32_t(fields));
}

}  // namespace

extern "C" {

const char *mr_json_implementation(void) {
    static const std::string name = simdjson::get_active_implementation()->name();
    return name.c_str();
}

mr_json_parser *mr_json_begin(void) {
    auto *parser = free_parsers;
    if (!parser) return another_parser();
    free_parsers = parser->below;
    return parser;
}

void mr_json_end(mr_json_parser *parser) {
    parser->result.generation++;
    parser->below = free_parsers;
    free_parsers = parser;
}

const mr_json_result *mr_json_last(const mr_json_parser *parser) { return &parser->result; }

const mr_json_result *mr_json_parse(mr_json_parser *parser, uint64_t owner, const void *start, size_t length) {
    auto *bytes = static_cast<const uint8_t *>(start);
    parser->begin(bytes, length);
    Expectation &expectation = parser->expectation(owner);
    if (expectation.fits_document(bytes, length, parser->tape.get())) {
        parser->expected++;
        return parser->accept(parser->tape.get(), expectation.layout->tokens);
    }
    Walker walker{};
    if (!parser->prepare(bytes, length, walker)) return &parser->result;
    if (!parser->make_room(walker.count)) return parser->refuse(MR_JSON_MEMORY, 0);
    uint32_t i = 0, used = 0;
    mr_json_token first{};
    if (!walker.value<true>(i, 0, parser->tape.get(), used, first))
        return parser->refuse(walker.error, walker.position);
    if (i != walker.count) return parser->refuse(MR_JSON_TRAILING, walker.index[i]);
    if (expectation.wants_to_learn()) expectation.learn(bytes, walker.length, parser->tape.get(), used, nullptr, 0, 0);
    return parser->accept(parser->tape.get(), used);
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
    static std::atomic<uint64_t> last_number{0};
    plan->number = ++last_number;
    return plan;
}

void mr_json_plan_free(mr_json_plan *plan) { delete plan; }

const mr_json_result *mr_json_open(const mr_json_plan *plan, const void *start, size_t length) {
    auto *parser = mr_json_begin();
    if (__builtin_expect(!parser, 0)) return nullptr;
    // An empty document may be nowhere.
    auto *bytes = start ? static_cast<const uint8_t *>(start) : reinterpret_cast<const uint8_t *>(parser);
    parser->begin(bytes, length);
    Expectation &expectation = parser->expectation(plan->number);
    if (expectation.fits_document(bytes, length, parser->slots)) {
        parser->expected++;
        return parser->accept(parser->slots, uint32_t(plan->fields.size()));
    }
    return read_fields(parser, expectation, *plan, bytes, length);
}

void mr_json_close(const mr_json_result *result) { mr_json_end(result->parser); }

uint64_t mr_json_expected(void) {
    uint64_t sum = 0;
    for (auto *parser = free_parsers; parser; parser = parser->below) sum += parser->expected;
    return sum;
}

void mr_json_forget(void) {
    for (auto *parser = free_parsers; parser; parser = parser->below)
        for (auto &expectation : parser->expectations) expectation.begin(0);
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

bool mr_json_uuid(const void *text, uint64_t *high, uint64_t *low) {
    auto *p = static_cast<const uint8_t *>(text);
    if (((p[8] ^ '-') | (p[13] ^ '-') | (p[18] ^ '-') | (p[23] ^ '-')) != 0) return false;
    const Words words = {load64(p), load32(p + 9) | load32(p + 14) << 32, load32(p + 19) | load32(p + 24) << 32,
                         load64(p + 28)};
    const Block c = Block(words), digit = c - '0', letter = (c | 0x20) - 'a';
    if (MR_BITS((digit < 10) | (letter < 6)) != ~0u) return false;
    const Pairs nibbles = Pairs((c & 0x0F) + (c >> 6) * 9);
    const HalfBlock bytes = __builtin_convertvector((nibbles << 4 | nibbles >> 8) & 0xFF, HalfBlock);
    uint64_t halves[2];
    std::memcpy(halves, &bytes, sizeof halves);
    *high = __builtin_bswap64(halves[0]);
    *low = __builtin_bswap64(halves[1]);
    return true;
}
}
