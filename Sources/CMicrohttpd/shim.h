#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/// What MHD_start_daemon, which is variadic, takes from us.
struct mr_http_options {
    int is_ipv6;
    /// The address as text, of the family that is_ipv6 says.
    const char *address;
    uint16_t port;
    unsigned connections;
    unsigned connections_per_address;
    unsigned idle_seconds;
    unsigned threads;
    size_t memory_per_connection;
    /// PEM texts; NULL without TLS.
    const char *tls_key;
    const char *tls_certificate;
    void *context;
    MHD_AccessHandlerCallback on_request;
    MHD_RequestCompletedCallback on_completed;
    MHD_NotifyConnectionCallback on_connection;
    void *(*on_target)(void *context, const char *target, struct MHD_Connection *connection);
    /// Leaves percent escapes alone: we decode once, strictly, after routing.
    size_t (*unescape)(void *context, struct MHD_Connection *connection, char *text);
};

/// NULL and errno when the address cannot be listened on.
static inline struct MHD_Daemon *mr_http_start(const struct mr_http_options *o) {
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memset(&v4, 0, sizeof v4);
    memset(&v6, 0, sizeof v6);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(o->port);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(o->port);
    if (inet_pton(o->is_ipv6 ? AF_INET6 : AF_INET, o->address,
                  o->is_ipv6 ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr) != 1) {
        errno = EADDRNOTAVAIL;
        return NULL;
    }

    struct MHD_OptionItem items[20];
    int n = 0;
#define MR_ITEM(name, number, pointer) items[n++] = (struct MHD_OptionItem){name, (intptr_t)(number), (void *)(pointer)}
    MR_ITEM(MHD_OPTION_SOCK_ADDR, 0, o->is_ipv6 ? (void *)&v6 : (void *)&v4);
    MR_ITEM(MHD_OPTION_CONNECTION_LIMIT, o->connections, NULL);
    if (o->connections_per_address) MR_ITEM(MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_address, NULL);
    MR_ITEM(MHD_OPTION_CONNECTION_TIMEOUT, o->idle_seconds, NULL);
    MR_ITEM(MHD_OPTION_CONNECTION_MEMORY_LIMIT, o->memory_per_connection, NULL);
    if (o->threads > 1) MR_ITEM(MHD_OPTION_THREAD_POOL_SIZE, o->threads, NULL);
#if MHD_VERSION >= 0x00097701
    /// Refuses what mr_http_is_strict finds out for older versions.
    MR_ITEM(MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2, NULL);
#else
    MR_ITEM(MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL);
#endif
    MR_ITEM(MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024, NULL);
    MR_ITEM(MHD_OPTION_NOTIFY_COMPLETED, o->on_completed, o->context);
    MR_ITEM(MHD_OPTION_NOTIFY_CONNECTION, o->on_connection, o->context);
    MR_ITEM(MHD_OPTION_URI_LOG_CALLBACK, o->on_target, o->context);
    MR_ITEM(MHD_OPTION_UNESCAPE_CALLBACK, o->unescape, o->context);
    if (o->tls_key) {
        MR_ITEM(MHD_OPTION_HTTPS_MEM_KEY, 0, o->tls_key);
        MR_ITEM(MHD_OPTION_HTTPS_MEM_CERT, 0, o->tls_certificate);
    }
    items[n] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
#undef MR_ITEM
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME;
    if (o->is_ipv6) flags |= MHD_USE_IPv6;
    if (o->tls_key) flags |= MHD_USE_TLS;
    return MHD_start_daemon(
        flags, o->port, NULL, NULL, o->on_request, o->context, MHD_OPTION_ARRAY, items, MHD_OPTION_END);
}

static inline uint16_t mr_http_port(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

/// The descriptor of a connection, -1 when there is none.
static inline int mr_http_descriptor(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info ? info->connect_fd : -1;
}

/// 16 bytes that name the client's address (IPv4 as mapped IPv6); zero when unknown.
static inline void mr_http_address(struct MHD_Connection *connection, uint8_t *out) {
    memset(out, 0, 16);
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr) return;
    if (info->client_addr->sa_family == AF_INET) {
        out[10] = out[11] = 0xFF;
        memcpy(out + 12, &((const struct sockaddr_in *)info->client_addr)->sin_addr, 4);
    } else if (info->client_addr->sa_family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)info->client_addr)->sin6_addr, 16);
    }
}

/// Ends a connection from outside its thread: its owner finds it closed.
static inline void mr_http_shut(int descriptor) { shutdown(descriptor, SHUT_RDWR); }

/// What the notification of the connection's start has stored.
static inline void *mr_http_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/// Calls `each` with the name and value of every header until it returns 0.
static inline void mr_http_headers(
    struct MHD_Connection *connection, MHD_KeyValueIterator each, void *context) {
    MHD_get_connection_values(connection, MHD_HEADER_KIND, each, context);
}

/// Whether every byte of a head is where it has to be: one space on each side of the target, CRLF at the end of each
/// line, no folded line, no NUL. To be asked when the head is whole and before anything else is.
///
/// Versions before 0.9.77 take all of these, and what one program takes and another does not is how requests are
/// smuggled. They leave the head where it was received and put NULs over colons, CR and LF, so that where one word
/// begins says how the one before it ended. Newer ones refuse such heads by themselves.
#if MHD_VERSION >= 0x00097701
static inline int mr_http_is_strict(
    struct MHD_Connection *connection, const char *method, const char *target, size_t target_size,
    const char *version) {
    (void)connection, (void)method, (void)target, (void)target_size, (void)version;
    return 1;
}
#else
struct mr_http_place {
    /// Where the next name has to begin; NULL once something was out of place.
    const char *next;
};

static inline enum MHD_Result mr_http_place_header(
    void *context, enum MHD_ValueKind kind, const char *name, const char *value) {
    (void)kind;
    struct mr_http_place *place = context;
    const char *colon = name + strlen(name), *at = colon + 1;
    int is_right = name == place->next && colon != name && value && value > colon;
    while (is_right && at < value && (*at == ' ' || *at == '\t')) at++;
    place->next = NULL;
    if (!is_right || at != value) return MHD_NO;
    const char *end = value + strlen(value);
    if (end[1] == 0) place->next = end + 2;
    return place->next ? MHD_YES : MHD_NO;
}

static inline int mr_http_is_strict(
    struct MHD_Connection *connection, const char *method, const char *target, size_t target_size,
    const char *version) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!info || method + strlen(method) + 1 != target || target + target_size + 1 != version) return 0;
    struct mr_http_place place = {version + strlen(version) + 2};
    if (place.next[-1] != 0) return 0;
    MHD_get_connection_values(connection, MHD_HEADER_KIND, mr_http_place_header, &place);
    // Behind the last header the empty line, and nothing else.
    return place.next && place.next + 2 == method + info->header_size;
}
#endif

/// An answer with a copy of the bytes.
static inline struct MHD_Response *mr_http_answer(const void *bytes, size_t count) {
    return MHD_create_response_from_buffer(count, (void *)bytes, MHD_RESPMEM_MUST_COPY);
}

static inline int mr_http_is_start(enum MHD_ConnectionNotificationCode code) {
    return code == MHD_CONNECTION_NOTIFY_STARTED;
}
