// JSON through simdjson, behind a C face.
#ifndef CSIMDJSON_H
#define CSIMDJSON_H

#ifdef __cplusplus
extern "C" {
#endif

/// The name of the instruction set simdjson chose on this machine. Static storage.
const char *mr_json_implementation(void);

#ifdef __cplusplus
}
#endif

#endif
