// What the next document is expected to look like, because the last one did.
//
// Documents of one log have the same keys in the same order with the same punctuation; only the values differ. A layout
// keeps the text between the values of a document that was read and found good. The next document is then checked
// against it and not searched: the same text, any plain string, number or word, the same text, and so on to its last
// byte. A document that passes is the learned one with other values, so it is good as well, and its tokens are those
// the full way would have written. At the slightest difference (another key, an escape, a byte that is not ASCII, a
// space) the layout says no and the full way reads the document from its start, so it alone refuses.
//
// Works on blocks of 32 bytes in clang's own vectors: they become AVX2, SSE2, NEON or plain words, as the function that
// they are inlined into was compiled. Reads nothing outside the document.
#ifndef LAYOUT_H
#define LAYOUT_H

#include <cstring>
#include <memory>
#include <new>

#include "Walker.h"

namespace {

#define MR_INLINE inline __attribute__((always_inline))

constexpr uint32_t block = 32;
typedef uint8_t Block __attribute__((ext_vector_type(32)));
typedef int8_t SignedBlock __attribute__((ext_vector_type(32)));
typedef bool BlockBits __attribute__((ext_vector_type(32)));

/// One bit per byte, the first byte's lowest.
#define MR_BITS(condition)                                             \
    ({                                                                 \
        BlockBits bits = __builtin_convertvector(condition, BlockBits); \
        uint32_t word;                                                 \
        std::memcpy(&word, &bits, 4);                                  \
        word;                                                          \
    })
#define MR_LOAD(target, source) std::memcpy(&(target), (source), block)

/// A byte at which a plain string ends: a quote, a backslash, a control character, or one that is not ASCII (the last
/// two are below a space as signed numbers).
#define MR_ENDS_TEXT(a) MR_BITS(((a) == '"') | ((a) == '\\') | (SignedBlock(a) < ' '))
#define MR_IS_NO_DIGIT(a) MR_BITS(((a) - '0') > 9)

struct Layout {
    /// Beyond these a document is read the full way: some 12 KiB a layout.
    static constexpr uint32_t max_values = 128, max_moved = 256, max_text = 4096;

    /// A value and the text in front of it, back to the value before.
    struct Step {
        uint32_t text;    // where in `texts`
        uint16_t length;  // of the text
        uint16_t slot;    // which token the value is
        uint32_t next;
        /// The value's length with its quotes as long as it was always the same, or `varies`.
        uint32_t usual_length;
    };
    static constexpr uint32_t varies = UINT32_MAX;
    /// A token that is no value: a key, an array, an object. Its ends move with the texts they stand in.
    struct Moved {
        mr_json_token token;
        uint16_t slot, start_step, end_step;
    };
    uint32_t values = 0, moved = 0, tokens = 0, last_length = 0;
    /// Fields of the plan that the document has not.
    uint64_t absent = 0;
    Step steps[max_values + 1];
    Moved others[max_moved];
    /// A block of room on both sides, since texts are compared by blocks.
    uint8_t texts[block + max_text + block];

    bool learn(const uint8_t *bytes, uint32_t length, const mr_json_token *tape, uint32_t count,
               const int *slot_of, uint32_t slots, uint16_t nowhere);
};

/// Whether no two keys of an object are the same. Objects with many keys or with escapes in them are not looked at.
inline bool has_unique_keys(const uint8_t *bytes, const mr_json_token *tape, uint32_t object) {
    const uint32_t end = tape[object].next;
    uint32_t keys = 0;
    for (uint32_t a = object + 1; a < end; a = tape[a + 1].next) {
        const uint32_t size = tape[a].end - tape[a].start;
        if (tape[a].escaped || ++keys > MR_JSON_MAX_FIELDS) return false;
        for (uint32_t b = object + 1; b < a; b = tape[b + 1].next)
            if (tape[b].end - tape[b].start == size && !std::memcmp(bytes + tape[a].start, bytes + tape[b].start, size))
                return false;
    }
    return true;
}

/// Makes the layout of a document from its tape. `slot_of` says which slot a token of the tape goes to (-1: none); null
/// gives every token its own.
bool Layout::learn(const uint8_t *bytes, uint32_t length, const mr_json_token *tape, uint32_t count,
                   const int *slot_of, uint32_t slots, uint16_t nowhere) {
    if (count == 0 || (tape[0].kind != MR_JSON_OBJECT && tape[0].kind != MR_JSON_ARRAY)) return false;
    struct Open {
        uint32_t token, moved;
        bool is_object, awaits_key;
    } open[MR_JSON_MAX_DEPTH + 1];
    uint32_t depth = 0, text = block, behind = 0;
    uint32_t starts[max_values + 1];
    values = moved = last_length = 0;
    absent = slots < 64 ? (1ull << slots) - 1 : ~0ull;
    starts[0] = 0;
    auto take_text = [&](uint32_t end) {
        uint32_t size = end - behind;
        if (text - block + size > max_text || size > UINT16_MAX) return false;
        steps[values].text = text;
        steps[values].length = uint16_t(size);
        std::memcpy(texts + text, bytes + behind, size);
        text += size;
        return true;
    };
    auto close = [&]() {
        const Open &top = open[--depth];
        if (top.moved == UINT32_MAX) return;
        others[top.moved].token.end = tape[top.token].end - starts[values];
        others[top.moved].end_step = uint16_t(values);
    };
    std::memset(texts, 0, sizeof texts);
    for (uint32_t i = 0; i < count; i++) {
        while (depth > 0 && tape[open[depth - 1].token].next == i) close();
        const mr_json_token &token = tape[i];
        int slot = slot_of ? slot_of[i] : int(i);
        bool is_key = depth > 0 && open[depth - 1].is_object && open[depth - 1].awaits_key;
        if (depth > 0) open[depth - 1].awaits_key = !is_key;
        bool is_container = token.kind == MR_JSON_OBJECT || token.kind == MR_JSON_ARRAY;
        if (slot_of && slot >= 0) absent &= ~(1ull << slot);
        if (!is_key && !is_container) {
            uint32_t quote = token.kind == MR_JSON_STRING;
            if (values == max_values || slot > UINT16_MAX || !take_text(token.start - quote)) return false;
            steps[values].slot = slot < 0 ? nowhere : uint16_t(slot);
            steps[values].next = slot_of ? 0 : token.next;
            steps[values].usual_length = token.end - token.start + 2 * quote;
            values++;
            behind = starts[values] = token.end + quote;
            continue;
        }
        uint32_t index = UINT32_MAX;
        if (slot >= 0) {
            if (moved == max_moved || slot > UINT16_MAX) return false;
            index = moved++;
            Moved &other = others[index];
            other.token = token;
            other.token.hint = 0;
            other.slot = uint16_t(slot);
            other.token.start -= starts[values];
            other.start_step = other.end_step = uint16_t(values);
            if (is_key) other.token.end -= starts[values];
            if (slot_of) other.token.next = 0;
            if (token.kind == MR_JSON_OBJECT) other.token.escaped = has_unique_keys(bytes, tape, i);
        }
        if (is_container) open[depth++] = {i, index, token.kind == MR_JSON_OBJECT, true};
    }
    while (depth > 0) close();
    uint32_t kept = values;
    if (!take_text(length)) return false;
    last_length = steps[kept].length;
    tokens = slot_of ? slots : count;
    return true;
}

/// Whether the document has the layout. If so its tokens are in `out`; if not, anything may be there.
///
/// Where the next text begins follows from where the last value ended, and a processor that waits for it does nothing
/// else. Most values are always of one length, so the length is guessed from the last one and then only checked: the
/// processor goes on by the guess.
MR_INLINE bool matches(Layout &layout, const uint8_t *bytes, uint32_t length, mr_json_token *out) {
    uint8_t copy[2 * block];
    if (__builtin_expect(length < block, 0)) {
        // No block fits in it. What is behind its copy is no text and ends no string well.
        std::memset(copy, 0, sizeof copy);
        std::memcpy(copy, bytes, length);
        bytes = copy;
    }
    const uint8_t *const end = bytes + length, *p = bytes;
    /// The last place from which a block may be read.
    const uint8_t *const limit = bytes == copy ? copy + block : end - block;
    uint32_t starts[Layout::max_values + 1];
    for (uint32_t k = 0;; k++) {
        Layout::Step &step = layout.steps[k];
        const uint8_t *text = layout.texts + step.text;
        uint32_t left = step.length, skip = 0;
        const uint8_t *from = p;
        Block a, b;
        starts[k] = uint32_t(p - bytes);
        while (__builtin_expect(left >= block, 0)) {
            if (p > limit) return false;
            MR_LOAD(a, p);
            MR_LOAD(b, text);
            if (MR_BITS(a != b)) return false;
            p += block;
            text += block;
            left -= block;
            from = p;
        }
        if (__builtin_expect(p > limit, 0)) {
            // Close to the end: the last block, without the bytes before `p`.
            skip = uint32_t(p - limit);
            if (skip >= block) {
                if (skip > block || left > 0 || k < layout.values) return false;
                skip = 0;  // The document's end, and nothing is expected any more.
            }
            from = limit;
        }
        MR_LOAD(a, from);
        MR_LOAD(b, text - skip);
        uint32_t same = MR_BITS(a == b) >> skip;
        if (~same & ((1u << left) - 1)) return false;
        p += left;
        if (k == layout.values) break;

        if (p == end) return false;
        const uint8_t *const value = p;
        const uint32_t quote = *p == '"';
        uint8_t kind = MR_JSON_STRING;
        if (quote) {
            // The first quote is in the block, and not the one that is searched.
            uint32_t stop = (MR_ENDS_TEXT(a) >> skip >> left) & ~1u;
            if (stop) {
                p += __builtin_ctz(stop);
            } else {
                if (skip) return false;
                for (p = from + block;; p += block) {
                    skip = 0;
                    from = p;
                    if (p > limit) {
                        skip = uint32_t(p - limit);
                        if (skip >= block) return false;
                        from = limit;
                    }
                    MR_LOAD(a, from);
                    stop = MR_ENDS_TEXT(a) >> skip;
                    if (stop) break;
                    if (skip) return false;
                }
                p += __builtin_ctz(stop);
            }
            if (*p++ != '"') return false;
        } else {
            uint32_t stop = MR_IS_NO_DIGIT(a) >> skip >> left;
            uint32_t digits = stop ? __builtin_ctz(stop) : 0;
            // Digits alone are the usual; `p[digits]` stopped the search, so it is there.
            if (digits > 0 && (digits == 1 || *p != '0') && p[digits] != '.' && (p[digits] | 0x20) != 'e') {
                p += digits;
                kind = MR_JSON_INTEGER;
            } else {
                const uint8_t *bare = p;
                uint8_t its;
                if (!scan_bare(bare, end, its)) return false;
                p = bare;
                kind = its;
            }
        }
        uint32_t guess = step.usual_length;
        if (__builtin_expect(guess != Layout::varies, 1)) {
            if (__builtin_expect(value + guess == p, 1)) {
                // So that the compiler does not take one for the other.
                asm("" : "+r"(guess));
                p = value + guess;
            } else {
                step.usual_length = Layout::varies;
            }
        }
        // One by one these would be stores that the token's reader waits for.
        uint64_t start = uint64_t(value - bytes) + quote, behind = uint64_t(p - bytes) - quote;
        uint64_t words[2] = {start | behind << 32, step.next | uint64_t(kind) << 32};
        std::memcpy(out + step.slot, words, sizeof words);
    }
    if (p != end) return false;
    for (uint32_t k = 0; k < layout.moved; k++) {
        const Layout::Moved &other = layout.others[k];
        mr_json_token token = other.token;
        token.start += starts[other.start_step];
        token.end += starts[other.end_step];
        out[other.slot] = token;
    }
    for (uint64_t rest = layout.absent; rest; rest &= rest - 1) out[__builtin_ctzll(rest)].kind = MR_JSON_ABSENT;
    return true;
}

bool matches_anywhere(Layout &layout, const uint8_t *bytes, uint32_t length, mr_json_token *out) {
    return matches(layout, bytes, length, out);
}

#if defined(__x86_64__)
__attribute__((target("avx2,bmi,bmi2,lzcnt")))
bool matches_with_avx2(Layout &layout, const uint8_t *bytes, uint32_t length, mr_json_token *out) {
    return matches(layout, bytes, length, out);
}
#endif

using Match = bool (*)(Layout &, const uint8_t *, uint32_t, mr_json_token *);

/// The best that this machine can.
const Match fits = [] {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2")) return &matches_with_avx2;
#endif
    return &matches_anywhere;
}();

/// What one reader of documents expects, and when it is worth trying.
///
/// A try that fails costs a part of the full way on top. So where documents differ too much, it tries less and less
/// often, down to four documents in 68.
struct Expectation {
    static constexpr uint32_t misses_before_learning = 4, hits_worth_it = 16, longest_pause = 63;

    /// Whose: a plan's number, or a type. 0 for nobody's.
    uint64_t owner = 0;
    std::unique_ptr<Layout> layout;
    bool is_learned = false;
    uint32_t misses = 0, hits = 0, pause = 0, wait = 0;

    void begin(uint64_t whose) {
        owner = whose;
        is_learned = false;
        misses = hits = pause = wait = 0;
    }
    MR_INLINE bool fits_document(const uint8_t *bytes, size_t length, mr_json_token *out) {
        if (!is_learned || wait > 0 || length > MR_JSON_MAX_BYTES) return false;
        if (fits(*layout, bytes, uint32_t(length), out)) {
            hits++;
            misses = 0;
            return true;
        }
        misses++;
        return false;
    }
    /// After the full way has read a good document: whether to learn it.
    bool wants_to_learn() {
        if (wait > 0) {
            wait--;
            return false;
        }
        if (is_learned) {
            if (misses < misses_before_learning) return false;
            pause = hits >= hits_worth_it ? 0 : pause * 2 + 1 < longest_pause ? pause * 2 + 1 : longest_pause;
            is_learned = false;
            misses = hits = 0;
            wait = pause;
            if (wait > 0) return false;
        }
        if (!layout) layout.reset(new (std::nothrow) Layout);
        return layout != nullptr;
    }
    void learn(const uint8_t *bytes, uint32_t length, const mr_json_token *tape, uint32_t count, const int *slot_of,
               uint32_t slots, uint16_t nowhere) {
        is_learned = layout->learn(bytes, length, tape, count, slot_of, slots, nowhere);
        if (!is_learned) pass();
    }
    /// Documents of this kind cannot be learned.
    void pass() {
        is_learned = false;
        wait = longest_pause;
    }
};

}  // namespace

#endif
