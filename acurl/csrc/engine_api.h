/* The whole contract between Python and the engine. Both cffi's cdef and the C
 * compiler read these very bytes, so this file has no preprocessor lines; C
 * includes it through internal.h only.
 *
 * An engine belongs to the thread that made it. Every call checks that, and
 * that the process has not forked since, and says so by its result. */

/* Results of calls: zero or more is success, below zero one of these. */
enum {
  ACURL_OK = 0,
  ACURL_ENOMEM = -1,    /* memory ran out; nothing was changed */
  ACURL_ECLOSED = -2,   /* the engine is closed (or NULL was passed) */
  ACURL_ETHREAD = -3,   /* called from a thread that does not own the engine */
  ACURL_EFORK = -4,     /* called in a process forked after the engine was made */
  ACURL_EARGUMENT = -5, /* libcurl refused an option's value */
  ACURL_ESYSTEM = -6,   /* the operating system refused; see acurl_last_errno() */
  ACURL_ELIBRARY = -7   /* libcurl could not be bound */
};

/* Why a transfer ended when libcurl's own code does not tell. */
enum {
  ACURL_CAUSE_NONE = 0,
  ACURL_CAUSE_TOTAL_TIMEOUT = 1,
  ACURL_CAUSE_BODY_TOO_LARGE = 2,
  ACURL_CAUSE_HEADERS_TOO_LARGE = 3,
  ACURL_CAUSE_NO_MEMORY = 4,
  ACURL_CAUSE_READ_TIMEOUT = 5,
  ACURL_CAUSE_WRITE_TIMEOUT = 6,
  ACURL_CAUSE_MAX_RETRIES = 7,
  ACURL_CAUSE_HEAD_CUT_OFF = 8, /* the answer ended inside its headers */
  ACURL_CAUSE_POOL_TIMEOUT = 9  /* it waited too long for a connection */
};

/* What a record tells beyond the plain path. */
enum {
  ACURL_FLAG_FAILED = 1,   /* code or cause is not zero */
  ACURL_FLAG_REDIRECT = 2, /* status 3xx and libcurl could resolve Location */
  ACURL_FLAG_COOKIES = 4,  /* cookies came and the transfer had no jar */
  ACURL_FLAG_HELD = 8,     /* the body is a block of its own: held_body */
  ACURL_FLAG_EXCHANGE = 16,/* the last record of a transfer that had notices */
  /* Notices of a transfer that goes on; with HEAD a record without a body. */
  ACURL_FLAG_HEAD = 32,    /* the answer's headers are there */
  ACURL_FLAG_DATA = 64,    /* there is a body to acurl_read() */
  ACURL_FLAG_HUNGRY = 128  /* acurl_feed() it */
};

typedef struct acurl_engine acurl_engine;
typedef struct acurl_profile acurl_profile;
typedef struct acurl_jar acurl_jar;

/* Below zero is no limit, except for max_connects, max_streams and the last three. */
typedef struct {
  int64_t max_connects;       /* idle connections kept for reuse */
  int64_t max_host_keepalive; /* the same for each origin */
  int64_t min_connects;       /* idle ones that no limit ends */
  int64_t max_connections;    /* open ones, in use or idle */
  int64_t max_host_connections; /* the same for each origin */
  int64_t max_streams;        /* concurrent streams per HTTP/2 connection */
  int64_t keepalive_expiry_us;/* idle connections older than this are ended */
  int64_t max_lifetime_us;    /* connections older than this serve no new request */
  int64_t max_response_size;  /* bytes of body, after decompression */
  int64_t max_retries;        /* how often a request that has left is begun again */
} acurl_engine_options;

/* Why connections ended. */
enum {
  ACURL_CLOSED_SERVER = 0,       /* the server did not keep it, or said that it would not */
  ACURL_CLOSED_SERVER_IDLE = 1,  /* the server ended it while nobody used it */
  ACURL_CLOSED_SERVER_LIMIT = 2, /* the server ended it after several requests */
  ACURL_CLOSED_POOL_LIMIT = 3,   /* it was idle, and one of the pool's limits was reached */
  ACURL_CLOSED_EXPIRED = 4,      /* it was idle, or there, for too long */
  ACURL_CLOSED_CLIENT = 5,       /* cancelled, of a request that wanted its own, or at the end */
  ACURL_CLOSED_ERROR = 6,        /* it could not be made, or broke */
  ACURL_CLOSED_REASONS = 7
};

/* One finished transfer, followed at once by its variable parts in the order
 * of their lengths here. Times are microseconds since the transfer started,
 * from libcurl's monotonic clock; start_us is wall clock. */
typedef struct {
  int32_t code;            /* CURLcode */
  int32_t status;          /* HTTP status, 0 if none came */
  int32_t http_version;    /* CURL_HTTP_VERSION_* that was spoken */
  int32_t cause;           /* ACURL_CAUSE_* */
  int32_t new_connections; /* connections opened for this transfer */
  int32_t os_error;        /* errno of a failed connect, else 0 */
  int64_t connection_id;   /* unique within the engine; -1 if none */
  int64_t namelookup_us;
  int64_t connect_us;
  int64_t appconnect_us;
  int64_t pretransfer_us;
  int64_t starttransfer_us;
  int64_t total_us;
  int64_t start_us;        /* since 1970, when the transfer started */
  int64_t wait_us;         /* in the queue, if it could not start at once */
  int64_t upload_size;
  int64_t download_size;   /* bytes of body as they came over the wire */
  int64_t body_len;        /* bytes of body, after decompression */
  uint64_t held_body;      /* with ACURL_FLAG_HELD: for acurl_body_free() */
  uint32_t header_len;
  uint32_t ip_len;
  uint32_t redirect_len;
  uint32_t cookie_len;     /* Netscape lines, each ended by a line feed */
  uint32_t error_len;
  uint32_t cert_len;       /* "Name:Value" lines, ended by a NUL; certificates by one more;
                              last "TLS:" with version and cipher, as if it were one */
  uint32_t retries;        /* how often the request was begun again */
  uint32_t request_size;   /* bytes of head and whole body sent, repeats included */
} acurl_record;

/* What the last drive or kick finished or noticed: count triples of (slot, end
 * offset in bytes, ACURL_FLAG_*), and the records laid end to end. Valid until
 * the next drive, kick, submission, end or jar listing. */
typedef struct {
  int32_t count;
  int32_t size;
  int32_t *index;
  char *bytes;
} acurl_batch;

typedef struct {
  int64_t in_flight;       /* submitted and not finished */
  int64_t queued;          /* of these, not given to libcurl */
  int64_t started;         /* handed to libcurl, since birth */
  int64_t finished;
  int64_t opened;          /* sockets opened */
  int64_t closed;          /* sockets closed */
  int64_t in_use;          /* open connections that a transfer uses */
  int64_t idle;            /* open connections that no transfer uses */
  int64_t reused;          /* answers that came on a connection already open */
  int64_t reasons[7];      /* sockets closed, by ACURL_CLOSED_* */
  int64_t retries;         /* repeats of requests, as their records tell them */
  int64_t pool_timeouts;
  int64_t handles;         /* easy handles alive */
  int64_t events;          /* socket events handled */
  int64_t drives;
  int64_t faults;          /* calls that libcurl's multi refused; expected: none */
} acurl_counters;

/* Binds libcurl once per process: path names the library, or a module that
 * depends on it and is already loaded when must_be_loaded is set. Returns
 * ACURL_ELIBRARY with a sentence in acurl_bind_error() on failure. */
int acurl_bind(const char *path, int must_be_loaded);
const char *acurl_bind_error(void);
const char *acurl_libcurl_version(void);
int acurl_libcurl_version_number(void);
const char *acurl_code_text(int code);
int acurl_last_errno(void);

/* Returns NULL when memory or descriptors ran out; see acurl_last_errno(). */
acurl_engine *acurl_engine_new(const acurl_engine_options *options);
/* Ends every transfer without a record, closes all connections and frees the
 * engine. In a forked child only the two descriptors are closed, nothing is
 * freed, and the result is ACURL_EFORK. */
int acurl_engine_close(acurl_engine *engine);
/* The descriptor to watch for reading. */
int acurl_engine_fd(acurl_engine *engine);
/* Valid until the engine is closed. */
acurl_batch *acurl_engine_batch(acurl_engine *engine);
/* Other limits from now on; max_response_size and max_retries stay. Ends idle
 * connections that are too many at the next step, and no transfer. */
int acurl_engine_resize(acurl_engine *engine, const acurl_engine_options *options);
int acurl_engine_counters(acurl_engine *engine, acurl_counters *out);

/* What a profile asks for beyond libcurl's options. */
enum {
  ACURL_PROFILE_DISCARD_BODY = 1, /* bodies are counted, not kept */
  ACURL_PROFILE_CERTIFICATES = 2, /* records carry what CERTINFO gathered */
  ACURL_PROFILE_EARLY_DATA = 4,   /* TLS early data, for safe methods only */
  ACURL_PROFILE_MULTIPLEX = 8,    /* may share a connection with others at once */
  ACURL_PROFILE_SINGLE_USE = 16,  /* its connection serves nobody else */
  ACURL_PROFILE_LOW_MEMORY = 32   /* TLS buffers are given back when they are empty */
};

/* A profile is a list of options that many transfers share. Values are copied.
 * It is complete before its first use, and lives as long as a transfer needs
 * it, whoever frees it meanwhile. */
acurl_profile *acurl_profile_new(void);
int acurl_profile_set_long(acurl_profile *profile, int option, int64_t value);
int acurl_profile_set_text(acurl_profile *profile, int option, const char *value);
/* lines: each ended by a NUL, len bytes in all. */
int acurl_profile_set_list(acurl_profile *profile, int option, const char *lines, int64_t len);
void acurl_profile_set_flags(acurl_profile *profile, int flags);
/* The most bytes of a body that are kept; 0 is the engine's max_response_size. */
void acurl_profile_set_body_limit(acurl_profile *profile, int64_t bytes);
/* The longest silence while an answer is awaited, the longest time without
 * progress while the request is sent, and the longest wait for a connection that
 * a limit of the engine withholds; 0 is none. */
void acurl_profile_set_limits(acurl_profile *profile, int64_t read_us, int64_t write_us,
                              int64_t pool_us);
void acurl_profile_free(acurl_profile *profile);

/* One part of a multipart body. Texts are copied, data is not. */
typedef struct {
  const char *name;
  const char *filename;     /* NULL: none */
  const char *content_type; /* NULL: none */
  const char *headers;      /* lines, each ended by a NUL */
  int64_t headers_len;
  const char *path;         /* a file to send; NULL: data is sent */
  const char *data;
  int64_t data_len;
} acurl_part;

/* What few requests ask for. All zero asks for nothing. */
typedef struct {
  int32_t stream_answer;  /* notices, acurl_read() */
  int32_t stream_body;    /* acurl_feed() gives the body */
  int64_t stream_size;    /* its length; below zero unknown */
  const acurl_part *parts;
  int64_t part_count;
  const char *digest_user; /* NULL: none */
  const char *digest_password;
} acurl_extras;

/* The most lanes, the first one included. */
enum { ACURL_MOST_LANES = 65 };
/* Whether this libcurl's TLS can give its buffers back (ACURL_PROFILE_LOW_MEMORY). */
int acurl_can_save_memory(void);

/* Queues one transfer and returns its slot. Transfers of different lanes never
 * share a connection; 0 is the first. method NULL is GET. headers are lines, each ended by a NUL. body_len below zero is no body; the body, and the
 * data of parts, are not copied and must live until the transfer is finished or
 * cancelled. total_timeout_us 0 is none. extras NULL is none; it is looked at
 * during the call only. */
int acurl_submit(acurl_engine *engine, acurl_profile *profile, acurl_jar *jar, int lane,
                 const char *method, const char *url, const char *headers,
                 int64_t headers_len, const char *body, int64_t body_len,
                 int64_t total_timeout_us, const acurl_extras *extras);
/* The libcurl option for whose value the last submission gave ACURL_EARGUMENT,
 * 0 when none is to blame. */
int acurl_refused_option(acurl_engine *engine);
/* Ends a transfer at once: its connection (HTTP/1) or stream (HTTP/2) is
 * closed, and no record follows. */
int acurl_cancel(acurl_engine *engine, int slot);
/* Ends a transfer at once, with a record as if it had come to its end: the batch
 * holds it alone. Returns 1. */
int acurl_end(acurl_engine *engine, int slot);
/* Gives a transfer with stream_body more of its body, which is copied; last:
 * there is no more. Returns how many bytes libcurl has not taken yet. */
int64_t acurl_feed(acurl_engine *engine, int slot, const char *data, int64_t len, int last);
/* Takes what a transfer with stream_answer has received; *data is valid until
 * the next call. Returns its length, 0 when there is nothing yet. */
int64_t acurl_read(acurl_engine *engine, int slot, const char **data);
/* Starts what is queued. Returns how many transfers finished (in the batch). */
int acurl_kick(acurl_engine *engine);
/* Starts what is queued, handles ready sockets and due timers within a bound
 * of events and time. Returns how many transfers finished (in the batch). */
int acurl_drive(acurl_engine *engine);

/* The block of a held body. Callable from any thread. */
void acurl_body_free(uint64_t held_body);

/* A jar holds the cookies of one user, and with owns_connections the connections
 * that this user's transfers make and nobody else may use. Transfers submitted with it keep it
 * alive; acurl_jar_release gives up the caller's own hold. */
acurl_jar *acurl_jar_new(acurl_engine *engine, int owns_connections);
int acurl_jar_release(acurl_engine *engine, acurl_jar *jar);
/* Adds one cookie in Netscape's format, host and path included. */
int acurl_jar_add(acurl_engine *engine, acurl_jar *jar, const char *netscape_line);
int acurl_jar_clear(acurl_engine *engine, acurl_jar *jar);
/* Writes the cookies as Netscape lines, each ended by a line feed, into the
 * batch (count 0) and returns their length. */
int acurl_jar_list(acurl_engine *engine, acurl_jar *jar);
