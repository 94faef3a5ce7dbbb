/* Structures and functions shared by the engine's files. Python never sees
 * them. docs/engine.md explains event flow, ownership and end of life. */
#ifndef ACURL_INTERNAL_H
#define ACURL_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine_api.h"
#include "libcurl.h"
#include "pool.h"

#define TRY(call)         \
  do {                    \
    CURLcode rc = (call); \
    if(rc)                \
      return rc;          \
  } while(0)

#define NEVER INT64_MAX
#define MICROSECOND 1000LL
#define MILLISECOND 1000000LL

/* Microseconds as nanoseconds. What is longer than thirty years is thirty years,
 * so that its sum with the clock stays a time to come. */
static inline int64_t nanoseconds(int64_t microseconds) {
  const int64_t longest = 1000000000000000;
  if(microseconds < 0)
    return 0;
  return (microseconds < longest ? microseconds : longest) * MICROSECOND;
}

/* libcurl's setopt takes any type and checks none. */
static inline CURLcode set_long(CURL *easy, int option, int64_t value) {
  return libcurl.easy_setopt(easy, option, (long)value);
}

static inline CURLcode set_text(CURL *easy, int option, const char *value) {
  return libcurl.easy_setopt(easy, option, value);
}

static inline CURLcode set_data(CURL *easy, int option, void *value) {
  return libcurl.easy_setopt(easy, option, value);
}

/* Buffers of this capacity and more are blocks of block.c. */
#define BLOCK_MIN 32768

/* A block of at least size bytes, and its size in cap; NULL when memory ran out. */
void *block_take(size_t size, size_t *cap);
/* Takes a block back. Callable from any thread. */
void block_give(void *data);

/* A growable block of bytes; all zero is a valid empty one. */
struct buffer {
  char *data;
  size_t len;
  size_t cap;
};

/* Makes room for extra bytes beyond len. False when memory ran out. */
bool buffer_reserve(struct buffer *buffer, size_t extra);
bool buffer_append(struct buffer *buffer, const void *data, size_t len);
/* Empties it; a block larger than keep is given back. */
void buffer_reset(struct buffer *buffer, size_t keep);
void buffer_free(struct buffer *buffer);

/* What the end of the step tells Python of a transfer that goes on. */
enum { NOTICE_HEAD = 1, NOTICE_DATA = 2, NOTICE_HUNGRY = 4 };

/* A body that is given piece by piece. */
struct upload {
  struct buffer kept; /* given, and not dropped yet */
  size_t read_at;     /* what of it libcurl has taken */
  int64_t dropped;    /* bytes before it that are gone, and cannot be sent again */
  bool ended;         /* nothing more will be given */
};

struct part_reader;

enum transfer_state {
  TRANSFER_FREE,    /* in the engine's free lists */
  TRANSFER_QUEUED,  /* in the queue, not known to the multi */
  TRANSFER_RUNNING, /* added to the multi */
};

/* One request from submission to its record. Owned by the engine for good: a
 * slot number always means the same struct. */
struct transfer {
  acurl_engine *engine;
  CURL *easy; /* NULL in the cold free list */
  int slot;
  enum transfer_state state;
  struct lane *lane;
  struct origin *origin; /* NULL where nobody has to wait for a connection */
  struct fifo *fifo;     /* the one it is in */
  struct transfer *next; /* there, or in a free list */
  struct transfer *prev;
  size_t heap_index;     /* in the deadline heap; SIZE_MAX when not in it */
  int64_t deadline;       /* when limits.c looks at it next; NEVER: not at all */
  int64_t total_deadline;
  int64_t read_limit;     /* 0 none */
  int64_t write_limit;    /* 0 none */
  int64_t pool_limit;     /* 0 none */
  int64_t last_progress;  /* when bytes last moved, as far as known */
  int64_t sent;           /* bytes of the body sent when last looked */
  int64_t body_len;       /* bytes of the request's body; below zero none */
  int64_t submitted;
  int64_t queued_at;      /* when it was put into the queue, last */
  uint32_t queued_pass;   /* the engine's pass then */
  int64_t waited;         /* in the queue, in all */
  int64_t last_wait;      /* of that, before it was started last */
  int64_t started;
  int64_t start_wall_us;
  uint64_t profile_id; /* whose options the easy holds; 0 none */
  acurl_jar *jar;      /* held while in use */
  acurl_profile *profile; /* held while in use; NULL when nothing of it must live */
  int flags;           /* ACURL_PROFILE_* */
  struct upload *upload; /* NULL: the body is whole, or none */
  curl_mime *mime;       /* NULL: none */
  struct part_reader *readers;
  bool streams;        /* the body is handed on while it comes */
  bool has_digest;     /* libcurl may answer a 401 by itself */
  bool is_safe;        /* the method changes nothing on the server */
  int paused;          /* CURLPAUSE_*: the directions that wait for the user */
  int held_fd;         /* the socket that it does not read meanwhile; -1 none */
  uint32_t held_birth;
  int notices;         /* NOTICE_* to tell */
  bool is_noticed;     /* in the engine's list, with or without notices */
  struct transfer *notice_next;
  bool altered;        /* options beyond profile, URL and headers were set */
  bool has_headers;
  bool in_body;        /* the headers have ended */
  bool saw_body;       /* bytes of body came, kept or not */
  bool cookies_known; /* got_cookie tells the truth */
  bool got_cookie;    /* the handle's own jar holds cookies */
  bool saw_cookie;    /* a Set-Cookie line came, whatever became of it */
  bool stuck; /* libcurl would not take the handle out of the multi */
  bool settled;  /* it has a socket, or has begun to send */
  bool is_opener; /* counted in its origin's opening */
  uint8_t recalls; /* how often libcurl did not begin it at once */
  bool wants_fresh; /* a connection of its own, since others failed it */
  int32_t cause;
  int64_t begun_at;     /* when it did last */
  int32_t begun;        /* how often libcurl began to send the request */
  int32_t left;         /* how often it was begun again after bytes of it had left */
  int32_t spared;       /* the same, not counted since the server answered others */
  uint32_t answers_seen; /* its origin's answers when it was last begun */
  int32_t repeats;      /* how often we had it sent again although none had */
  int32_t challenges;   /* answers that libcurl met with credentials */
  int opened_fd;        /* the last socket opened for it, -1 none */
  uint32_t opened_birth;
  int open_errno;       /* why one could not be opened; 0: none failed */
  int32_t status;       /* of the answer's last status line */
  int32_t http_version; /* CURL_HTTP_VERSION_* of that line */
  int64_t body_limit;
  size_t header_bytes;  /* of all answers, 1xx included */
  struct buffer url; /* the URL that the easy holds */
  struct buffer header_lines;
  struct buffer response_headers;
  struct buffer body;
  char error[CURL_ERROR_SIZE];
  char tls[80]; /* version and cipher, if they were asked for */
};

#define ANSWERED 1024 /* a power of two */

#define ORIGIN_BUCKETS 1024 /* a power of two */

struct acurl_engine {
  struct lane *lanes[ACURL_MOST_LANES]; /* NULL until used */
  int lane_count;
  int epoll_fd;
  int timer_fd;
  pthread_t owner;
  unsigned fork_generation;
  acurl_engine_options options;

  /* Time: one clock reading per step, monotonic nanoseconds. */
  int64_t now;
  uint32_t pass; /* changes when all that libcurl did before is done with */
  int64_t wall_us;       /* since 1970, when transfers of this pass started */
  int64_t sweep_at;      /* when idle connections are looked at */
  int64_t shrinks_until; /* limits have changed: what is beyond a ceiling goes at once */
  int64_t armed;         /* what the timerfd is set to */

  /* Transfers. Only transfer.c moves them between these lists. */
  struct transfer **slots;
  int slot_count;
  int slot_cap;
  struct transfer *warm; /* free, with an easy handle; last in, first out */
  struct transfer *cold; /* free, without one */
  int warm_count;
  int in_flight;
  int running;
  int recent_peak;
  int recycles;
  struct fifo queue; /* who waits for nothing but the next step */

  /* Admission. Only admission.c and origin.c change it. */
  bool admits;  /* there is a ceiling: all transfers queue at their origins */
  int waiting;  /* in the origins' queues */
  bool stirred; /* something has changed that may let one of them run */
  int busy;     /* connections taken, of all origins */
  struct origin *ring; /* origins that transfers wait for: the next to be served */
  int ring_len;
  struct origin **origins; /* hash table */
  int origin_count;

  struct transfer *noticed;
  struct buffer taken; /* what acurl_read() gave last */
  struct transfer **heap; /* deadlines, earliest first */
  size_t heap_len;
  size_t heap_cap;

  /* Descriptors, by number. Only events.c touches them. */
  struct descriptor *descriptors;
  int descriptor_cap;
  struct chain lists[CONNECTION_LISTS]; /* only connection.c changes them */
  struct chain ages; /* all, in order of birth */
  struct origin *crowded; /* roots with too many idle connections */
  int64_t look_at;  /* when libcurl is to look at what has ended; NEVER: nothing has */
  int leaving;      /* ended connections that libcurl has not closed */
  int closing;      /* ACURL_CLOSED_* plus 1 of what libcurl closes now; 0 not known */
  int unexplained[2]; /* ends in this step, of HTTP/1 and of multiplexed connections */
  uint32_t births;  /* sockets opened so far */
  bool starved;     /* libcurl had no memory for a socket, and nobody knows whose */
  bool any_refused; /* a descriptor may have refused bits */
  int refused_option; /* by libcurl, at the last submission */

  acurl_batch batch;
  struct buffer batch_index;
  struct buffer batch_bytes;
  int64_t answered[ANSWERED]; /* ids of connections that gave HTTP/2 answers, hashed */
  CURL *clerk; /* an easy handle for cookie chores only */
  acurl_jar *owners; /* jars with connections, which must not outlive the engine */
  uint32_t last_owner;
  acurl_counters counters;
};

/* A text, a list or else a number. */
struct profile_option {
  int option;
  bool is_text;
  char *text;
  void *block; /* what the list lies in; NULL: not a list */
  struct curl_slist *list;
  int64_t number;
};

struct acurl_profile {
  uint64_t id; /* never reused, unlike addresses */
  int holds;   /* the caller's plus one for each transfer that needs a list; atomic */
  int flags;   /* ACURL_PROFILE_* */
  bool has_list; /* libcurl does not copy lists */
  struct profile_option *options;
  int count;
  int64_t read_limit;
  int64_t write_limit;
  int64_t pool_limit;
  int64_t body_limit; /* 0: the engine's */
};

struct acurl_jar {
  CURLSH *share; /* NULL once the engine is closed, if it has connections */
  int holds; /* the caller's plus one for each transfer using it */
  uint32_t owner; /* a number of its own if it has connections, else 0 */
  acurl_engine *engine; /* of an owner */
  acurl_jar *next; /* among the engine's owners */
  acurl_jar *prev;
};

/* How many transfers one of its connections carries. */
static inline int64_t origin_streams(const struct origin *origin) {
  return origin->stream_limit ? origin->stream_limit
                              : origin->lane->engine->options.max_streams;
}

/* engine.c */
/* Registers the fork handler once per process. 0 on success. */
int acurl_fork_watch(void);
/* The entry that holds the id of a connection if it has given HTTP/2 answers. */
static inline int64_t *engine_answered(acurl_engine *engine, int64_t connection_id) {
  return &engine->answered[(connection_id ^ connection_id >> 32) & (ANSWERED - 1)];
}
/* ACURL_OK when the engine may be used by the caller. */
int engine_check(const acurl_engine *engine);

/* dispatch.c */
void queue_push(struct transfer *transfer);
/* Hands a queued transfer to libcurl. */
void dispatch_start(struct transfer *transfer);
/* Hands queued transfers to libcurl, a few at a time so that thousands of new
 * connections do not hold up the loop. */
void dispatch_queued(acurl_engine *engine);
/* Takes a transfer out of wherever it is; its record, if any, comes after. */
void dispatch_detach(struct transfer *transfer, int reason);
void dispatch_finish(struct transfer *transfer, CURLcode code);
/* Records or repeats what libcurl has finished. */
void dispatch_collect(acurl_engine *engine);

/* events.c */
int64_t clock_now(void);
bool events_open(acurl_engine *engine);
/* Has a multi tell of its sockets and timers. */
CURLMcode events_watch_multi(struct lane *lane);
/* Closes the two descriptors; the multis must be gone. */
void events_close(acurl_engine *engine);
/* Installs the callbacks that an easy handle needs for its sockets. */
CURLcode events_watch_easy(struct transfer *transfer);
/* The socket that a transfer uses, -1 none. */
int events_socket(struct transfer *transfer);
/* Whether anything ever came on a socket. */
bool events_received(int fd);
/* The connection that this transfer opened speaks HTTP/2 or 3, or else HTTP/1. */
void events_spoken(struct transfer *transfer, bool multiplexed);
/* Takes a descriptor off the epoll descriptor. */
void events_deregister(acurl_engine *engine, int fd);
/* Has libcurl look at a socket. */
void events_nudge(acurl_engine *engine, int fd);
/* Runs what is new in a lane, and its timers. */
void events_run_lane(struct lane *lane);
/* A transfer stops reading its socket, which nobody else may take for idle. */
void events_hold(struct transfer *transfer);
/* It reads again, or ends. */
void events_release(struct transfer *transfer);
/* Handles ready sockets within the bound of events and time. */
void events_poll(acurl_engine *engine);
/* Runs libcurl's timers that are due. */
void events_run_timers(acurl_engine *engine);
/* Sets the timerfd if something is due earlier than it is set to. */
void events_arm(acurl_engine *engine);

/* deadline.c: a binary heap of transfers by deadline. */
/* Makes room for all transfers in flight and one more. False when memory ran out. */
bool deadline_reserve(acurl_engine *engine);
void deadline_add(acurl_engine *engine, struct transfer *transfer);
void deadline_drop(acurl_engine *engine, struct transfer *transfer);
/* The earliest deadline, or NEVER. */
int64_t deadline_first(const acurl_engine *engine);

/* profile.c */
/* acurl_profile_free() gives a hold up. */
void profile_hold(acurl_profile *profile);

/* lines.c: lines, each ended by a NUL, as one block for libcurl. */
size_t lines_count(const char *lines, size_t len);
/* Bytes of the block that lines_link() fills. */
size_t lines_size(const char *lines, size_t len);
/* NULL for no lines. The list lives as long as the block and is never freed alone. */
struct curl_slist *lines_link(void *block, const char *lines, size_t len);

/* limits.c */
/* Sets the transfer's deadlines. False when memory ran out. */
bool limits_set(struct transfer *transfer, const acurl_profile *profile, int64_t total_us);
/* Has read and write limits looked at from now on, after a wait in the queue. */
void limits_start(struct transfer *transfer);
/* The cause for which the transfer must end now, or ACURL_CAUSE_NONE after its
 * next deadline has been set. For transfers whose deadline has passed. */
int limits_check(struct transfer *transfer);
/* Has a transfer with a cause ended at the next step. */
void limits_hasten(struct transfer *transfer);

/* transfer.c */
/* A free transfer with an easy handle, or NULL when memory ran out. */
struct transfer *transfer_acquire(acurl_engine *engine);
/* Puts a transfer that libcurl does not hold back into a free list. Forgets
 * everything of the user it served. */
void transfer_recycle(struct transfer *transfer);
void transfer_free(struct transfer *transfer);
/* It is to be sent again although bytes of it have left. False when that is once
 * too often. */
bool transfer_left_again(struct transfer *transfer, bool refused);
int transfer_apply_profile(struct transfer *transfer, acurl_profile *profile);
int transfer_apply_request(struct transfer *transfer, acurl_jar *jar, const char *method,
                           const char *url, const char *headers, size_t headers_len,
                           const char *body, int64_t body_len);
int transfer_apply_extras(struct transfer *transfer, const acurl_extras *extras);

/* tls.c */
/* Whether the connection of a transfer that is about to be sent speaks HTTP/2. */
bool tls_chose_http2(struct transfer *transfer);
/* Takes down which version of TLS and which cipher it has. */
void tls_note(struct transfer *transfer);
/* Has its TLS buffers given back while they are empty. */
CURLcode tls_save_memory(CURL *easy);

/* receive.c */
CURLcode receive_watch_easy(struct transfer *transfer);
/* Forgets the answer so far, because the request is sent again. */
void receive_forget(struct transfer *transfer);

/* exchange.c */
/* Has the end of this step tell Python. Callable from callbacks. */
void notice_raise(struct transfer *transfer, int notice);
void notices_emit(acurl_engine *engine);
/* Sets the easy up for a body given piece by piece; upload_free() in any case. */
CURLcode upload_begin(struct transfer *transfer, int64_t size);
/* Has the body sent from its start again. False: its start is gone. */
bool upload_rewind(struct transfer *transfer);
/* Whether libcurl has taken the whole body. */
bool upload_is_read(const struct upload *upload);
void upload_free(struct transfer *transfer);

/* form.c */
/* Sets the easy up for a multipart body; form_free() in any case. */
CURLcode form_begin(struct transfer *transfer, const acurl_part *parts, int count);
void form_free(struct transfer *transfer);

/* record.c */
/* Makes sure that every transfer in flight can be recorded, at least briefly. */
bool batch_reserve(acurl_engine *engine);
void batch_clear(acurl_engine *engine);
/* Appends the record of a transfer: with ACURL_FLAG_HEAD in flags as it is, else
 * of one that libcurl no longer holds. */
void batch_record(struct transfer *transfer, CURLcode code, int32_t flags);
/* The id of the connection that a transfer uses, unique within the engine; -1 none. */
int64_t record_connection_id(struct transfer *transfer);
/* Appends a notice without a record. */
void batch_notice(struct transfer *transfer, int32_t flags);

/* jar.c */
void jar_hold(acurl_jar *jar);
void jar_drop(acurl_jar *jar);
/* Closes the connections of all jars, when no easy handle uses one any more. */
void jars_disown(acurl_engine *engine);
/* Appends an easy's cookies as Netscape lines. False when memory ran out. */
bool jar_dump(CURL *easy, struct buffer *out);
/* Whether an easy has cookies to send. Asks libcurl, not the headers we saw:
 * what it has kept is what the next user would send. */
bool jar_holds_any(CURL *easy);

#endif
