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
  struct transfer *next; /* in the queue or a free list */
  struct transfer *prev; /* in the queue */
  size_t heap_index;     /* in the deadline heap; SIZE_MAX when not in it */
  int64_t deadline;       /* when limits.c looks at it next; NEVER: not at all */
  int64_t total_deadline;
  int64_t read_limit;     /* 0 none */
  int64_t write_limit;    /* 0 none */
  int64_t last_progress;  /* when bytes last moved, as far as known */
  int64_t sent;           /* bytes of the body sent when last looked */
  int64_t body_len;       /* bytes of the request's body; below zero none */
  int64_t submitted;
  int64_t started;
  int64_t start_wall_us;
  uint64_t profile_id; /* whose options the easy holds; 0 none */
  acurl_jar *jar;      /* held while in use */
  bool altered;        /* options beyond profile, URL and headers were set */
  bool has_headers;
  bool in_body;
  bool cookies_known; /* got_cookie tells the truth */
  bool got_cookie;    /* the handle's own jar holds cookies */
  bool stuck; /* libcurl would not take the handle out of the multi */
  int32_t cause;
  int32_t begun;        /* how often libcurl began to send the request */
  int32_t repeats;      /* how often we had it sent again */
  int opened_fd;        /* the last socket opened for it, -1 none */
  int32_t status;       /* of the answer's last status line */
  int32_t http_version; /* CURL_HTTP_VERSION_* of that line */
  int64_t body_limit;
  struct buffer url; /* the URL that the easy holds */
  struct buffer header_lines;
  struct buffer response_headers;
  struct buffer body;
  char error[CURL_ERROR_SIZE];
};

/* What the engine knows of a descriptor number. All zero: nothing. */
struct descriptor {
  uint8_t mask;   /* CURL_POLL_* bits registered in epoll */
  uint8_t refused; /* bits that epoll refused to register */
  bool parked;    /* registered although libcurl took it off */
  bool opened;    /* a connection's socket, opened by us */
  bool multiplexed; /* HTTP/2 or 3: the server may speak unasked */
  bool idle;      /* in the idle list */
  int idle_next;  /* towards the more recently used; -1 none */
  int idle_prev;
  int64_t idle_since;
};

struct acurl_engine {
  CURLM *multi;
  int epoll_fd;
  int timer_fd;
  pthread_t owner;
  unsigned fork_generation;
  acurl_engine_options options;

  /* Time: one clock reading per step, monotonic nanoseconds. */
  int64_t now;
  int64_t curl_deadline; /* when libcurl wants socket_action(TIMEOUT) */
  int64_t sweep_at;      /* when idle connections are looked at */
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
  struct transfer *queue_head;
  struct transfer *queue_tail;
  int queue_len;
  struct transfer **heap; /* deadlines, earliest first */
  size_t heap_len;
  size_t heap_cap;

  /* Descriptors, by number. Only events.c touches them. */
  struct descriptor *descriptors;
  int descriptor_cap;
  int idle_oldest; /* -1 none */
  int idle_newest;
  int idle_count;
  bool any_refused; /* a descriptor may have refused bits */
  long maxconnects_set;

  acurl_batch batch;
  struct buffer batch_index;
  struct buffer batch_bytes;
  CURL *clerk; /* an easy handle for cookie chores only */
  acurl_counters counters;
};

struct profile_option {
  int option;
  bool is_text;
  int64_t number;
  char *text;
};

struct acurl_profile {
  uint64_t id; /* never reused, unlike addresses */
  struct profile_option *options;
  int count;
  int64_t read_limit;
  int64_t write_limit;
};

struct acurl_jar {
  CURLSH *share;
  int holds; /* the caller's plus one for each transfer using it */
};

/* engine.c */
/* Registers the fork handler once per process. 0 on success. */
int acurl_fork_watch(void);
/* ACURL_OK when the engine may be used by the caller. */
int engine_check(const acurl_engine *engine);

/* events.c */
int64_t clock_now(void);
bool events_open(acurl_engine *engine);
/* Closes the two descriptors; the multi must be gone. */
void events_close(acurl_engine *engine);
/* Installs the callbacks that an easy handle needs for its sockets. */
CURLcode events_watch_easy(struct transfer *transfer);
/* The connection that this transfer opened speaks HTTP/2 or HTTP/3. */
void events_multiplexed(struct transfer *transfer);
/* Handles ready sockets within the bound of events and time. */
void events_poll(acurl_engine *engine);
/* Runs libcurl's timers when due, or when forced by new transfers. */
void events_run_timers(acurl_engine *engine, bool forced);
/* Ends idle connections that are too old or too many. */
void events_sweep_idle(acurl_engine *engine);
/* Sets the timerfd if something is due earlier than it is set to. */
void events_arm(acurl_engine *engine);

/* deadline.c: a binary heap of transfers by deadline. */
bool deadline_add(acurl_engine *engine, struct transfer *transfer);
void deadline_drop(acurl_engine *engine, struct transfer *transfer);
/* The earliest deadline, or NEVER. */
int64_t deadline_first(const acurl_engine *engine);

/* limits.c */
/* Sets the transfer's deadlines. False when memory ran out. */
bool limits_set(struct transfer *transfer, const acurl_profile *profile, int64_t total_us);
/* The cause for which the transfer must end now, or ACURL_CAUSE_NONE after its
 * next deadline has been set. For transfers whose deadline has passed. */
int limits_check(struct transfer *transfer);

/* transfer.c */
/* A free transfer with an easy handle, or NULL when memory ran out. */
struct transfer *transfer_acquire(acurl_engine *engine);
/* Puts a transfer that libcurl does not hold back into a free list. Forgets
 * everything of the user it served. */
void transfer_recycle(struct transfer *transfer);
void transfer_free(struct transfer *transfer);
int transfer_apply_profile(struct transfer *transfer, const acurl_profile *profile);
int transfer_apply_request(struct transfer *transfer, acurl_jar *jar, const char *method,
                           const char *url, const char *headers, size_t headers_len,
                           const char *body, int64_t body_len);
void queue_push(struct transfer *transfer);
void queue_drop(struct transfer *transfer);

/* record.c */
/* Makes sure that every transfer in flight can be recorded, at least briefly. */
bool batch_reserve(acurl_engine *engine);
void batch_clear(acurl_engine *engine);
/* Appends the record of a transfer that libcurl no longer holds. */
void batch_record(struct transfer *transfer, CURLcode code);

/* jar.c */
void jar_hold(acurl_jar *jar);
void jar_drop(acurl_jar *jar);
/* Appends an easy's cookies as Netscape lines. False when memory ran out. */
bool jar_dump(CURL *easy, struct buffer *out);
/* Whether an easy has cookies to send. Asks libcurl, not the headers we saw:
 * what it has kept is what the next user would send. */
bool jar_holds_any(CURL *easy);

#endif
