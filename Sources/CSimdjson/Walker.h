// The full way through a document: the grammar, over simdjson's structural positions.
#ifndef WALKER_H
#define WALKER_H

#include <cstring>

#include "CSimdjson.h"

namespace {

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

/// Moves `p` behind the number that begins there; false, with `p` at the byte that is wrong, when none does.
inline bool scan_number(const uint8_t *&p, const uint8_t *end, uint8_t &kind) {
    auto digits = [&] {
        if (p == end || !is_digit(*p)) return false;
        while (p < end && is_digit(*p)) p++;
        return true;
    };
    kind = MR_JSON_INTEGER;
    if (*p == '-') p++;
    if (p < end && *p == '0') p++; else if (!digits()) return false;
    if (p < end && *p == '.') {
        kind = MR_JSON_REAL;
        p++;
        if (!digits()) return false;
    }
    if (p < end && (*p | 0x20) == 'e') {
        kind = MR_JSON_REAL;
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (!digits()) return false;
    }
    return true;
}

/// Moves `p` behind the number, `true`, `false` or `null` that begins there; false when none does.
inline bool scan_bare(const uint8_t *&p, const uint8_t *end, uint8_t &kind) {
    if (p == end) return false;
    if (*p == '-' || is_digit(*p)) return scan_number(p, end, kind);
    auto word = [&](const char *text, size_t size, uint8_t its) {
        if (size_t(end - p) < size || std::memcmp(p, text, size)) return false;
        p += size;
        kind = its;
        return true;
    };
    return word("true", 4, MR_JSON_TRUE) || word("false", 5, MR_JSON_FALSE) || word("null", 4, MR_JSON_NULL);
}

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
        uint32_t start = index[i], end = end_of(i);
        const uint8_t *p = bytes + start;
        uint8_t kind;
        if (!scan_number(p, bytes + end, kind) || p != bytes + end)
            return fail(MR_JSON_NUMBER, uint32_t(p - bytes));
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

}  // namespace

#endif
