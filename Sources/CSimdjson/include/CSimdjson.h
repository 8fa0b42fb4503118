// JSON through simdjson, behind a C face.
//
// simdjson finds the structural characters of a document and checks its UTF-8 with vector instructions. A walker of
// our own then checks the grammar over those positions and writes one token per value: what it is and where its bytes
// are. A document that looks like the one before is not searched at all but checked against it (Layout.h). Numbers and
// strings are converted only when they are read. Nothing is read outside `bytes ..< bytes + length`, so a lent buffer
// needs no padding.
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The name of the instruction set simdjson chose on this machine. Static storage.
const char *mr_json_implementation(void);

enum {
    MR_JSON_ABSENT = 0,
    MR_JSON_NULL = 1,
    MR_JSON_FALSE = 2,
    MR_JSON_TRUE = 3,
    /// A number without fraction and exponent.
    MR_JSON_INTEGER = 4,
    MR_JSON_REAL = 5,
    MR_JSON_STRING = 6,
    MR_JSON_ARRAY = 7,
    MR_JSON_OBJECT = 8
};

/// Why a document was refused. The Swift side (`RecordFault.Reason`) knows these numbers.
enum {
    MR_JSON_OK = 0,
    MR_JSON_SYNTAX = 1,
    MR_JSON_TRUNCATED = 2,
    MR_JSON_UTF8 = 3,
    MR_JSON_ESCAPE = 4,
    MR_JSON_CONTROL = 5,
    MR_JSON_DEPTH = 6,
    MR_JSON_SIZE = 7,
    MR_JSON_TRAILING = 8,
    MR_JSON_NUMBER = 9,
    MR_JSON_DUPLICATE = 10,
    MR_JSON_NOT_OBJECT = 11,
    MR_JSON_MEMORY = 12
};

enum {
    /// Nesting of arrays and objects. One bit per level in the walker.
    MR_JSON_MAX_DEPTH = 64,
    /// Bytes of one document.
    MR_JSON_MAX_BYTES = 1 << 20,
    /// Fields of one plan. One bit per field while a document is read.
    MR_JSON_MAX_FIELDS = 64
};

/// One value. For a string `start ..< end` lies between the quotes; for everything else it is the value's own bytes.
/// In a tape the keys of an object are string tokens in front of their values.
typedef struct mr_json_token {
    uint32_t start;
    uint32_t end;
    /// Index of the token after this value and everything in it.
    uint32_t next;
    uint8_t kind;
    /// A string that holds at least one backslash; an object whose keys are known to differ.
    uint8_t escaped;
    /// For the reader: a hint of where the next key is. Zero at first.
    uint16_t hint;
} mr_json_token;

typedef struct mr_json_parser mr_json_parser;
typedef struct mr_json_plan mr_json_plan;

/// The first three are read by inlined Swift code, which knows their places (`JSONFound`).
typedef struct mr_json_result {
    const mr_json_token *tokens;
    /// The document, lent by the caller of the parser.
    const void *bytes;
    size_t length;
    mr_json_parser *parser;
    uint32_t count;
    uint32_t error;
    /// Byte position of the error.
    uint32_t position;
    /// The plan's field that was met twice, for MR_JSON_DUPLICATE.
    uint32_t field;
    /// Changes with every document, so that a stale reader can be caught.
    uint64_t generation;
} mr_json_result;

/// A parser of this thread that nobody else uses until `mr_json_end`. Calls may nest; each level has its own parser.
/// Parsers are kept for ever and go to another thread when theirs ends. Null when there is no memory.
mr_json_parser *mr_json_begin(void);
void mr_json_end(mr_json_parser *parser);

/// Reads a whole document of any shape into tokens. The result lives until the parser's next call. `owner` tells
/// documents that are likely to look alike from others: any number but those of plans, which are small, and 0.
const mr_json_result *mr_json_parse(mr_json_parser *parser, uint64_t owner, const void *bytes, size_t length);
/// The result of the parser's last call.
const mr_json_result *mr_json_last(const mr_json_parser *parser);

/// Which fields of an object are wanted. Names are copied. Null when there are too many or there is no memory.
mr_json_plan *mr_json_plan_make(const char *const *names, const size_t *lengths, size_t count);
void mr_json_plan_free(mr_json_plan *plan);

/// Reads a document that must be an object and fills one token per field of the plan, in the plan's order; a field
/// that is not there is MR_JSON_ABSENT. Every byte of the document is checked, also of fields nobody asked for. Null
/// when there is no memory for a parser; otherwise the result has one, which `mr_json_close` gives back.
const mr_json_result *mr_json_open(const mr_json_plan *plan, const void *bytes, size_t length);
void mr_json_close(const mr_json_result *result);

/// How many documents the parsers that are this thread's found as expected, so that they were checked and not searched.
uint64_t mr_json_expected(void);
/// This thread expects nothing any more: the next document is read the full way. Not while a parser is in use.
void mr_json_forget(void);

/// Writes the text of a string token without its escapes. `out` has room for `length` bytes, which is always enough.
/// Returns the number of bytes.
size_t mr_json_unescape(const void *text, size_t length, void *out);

/// Converts a number that the walker has checked, rounded to nearest. Returns 0 when it is too large for a double.
int mr_json_double(const void *text, size_t length, double *out);

/// Reads 8-4-4-4-12 hexadecimal digits. Returns false when the 36 bytes are anything else.
bool mr_json_uuid(const void *text, uint64_t *high, uint64_t *low);

#ifdef __cplusplus
}
#endif

#endif
