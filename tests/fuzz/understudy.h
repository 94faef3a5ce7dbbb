/* Stands in for libcurl: the engine calls libcurl through one table of functions, and this fills it
 * with its own. What a server answers, and when, the fuzzer's bytes decide; the order of calls is
 * libcurl's. A use of libcurl that its documentation forbids aborts. */
#ifndef FUZZ_UNDERSTUDY_H
#define FUZZ_UNDERSTUDY_H

#include "internal.h"

/* What a CURLSH is here. */
struct share {
  int cookies;
  int users;
  bool connections;
};

/* What a CURL is here: the options that were set, and how far its answer has come. */
struct easy {
  char *texts[8]; /* by enum text */
  long numbers[8]; /* by enum number */
  struct curl_slist *headers, *resolve;
  const char *post_data;
  int64_t post_size, upload_size;
  struct share *share;
  struct mime *mime;
  struct transfer *transfer;
  char *error;
  int cookies; /* of its own jar */
  bool cookies_on;
  size_t (*on_header)(char *, size_t, size_t, void *);
  size_t (*on_body)(char *, size_t, size_t, void *);
  size_t (*on_read)(char *, size_t, size_t, void *);
  int (*on_seek)(void *, int64_t, int);
  int (*on_begin)(void *, char *, char *, int, int);
  int (*on_open)(void *, int, struct curl_address *);
  int (*on_close)(void *, int);
  void *header_data, *body_data, *read_data, *seek_data, *begin_data, *open_data, *close_data;

  bool running;
  bool due;  /* runs at the next timeout */
  bool over; /* its message is written */
  int fd;    /* -1 none */
  bool sent; /* bytes of the request have left */
  int paused;      /* CURLPAUSE_* as libcurl has it */

  /* What the record must tell. */
  int serial;
  int64_t accepted; /* bytes of body that the engine has taken */
  size_t refused;   /* the piece it would not take, 0 none */
  int64_t uploaded;
  bool after_blank, body_seen;
  int status;
  bool garbled; /* there was a status line that libcurl would have refused */
  char *head; /* the lines of the last answer */
  size_t head_len, head_cap;
};

enum text { TEXT_URL, TEXT_METHOD, TEXT_AGENT, TEXT_USER, TEXT_PASSWORD };
enum number { NUMBER_NOBODY, NUMBER_POST, NUMBER_UPLOAD, NUMBER_FRESH, NUMBER_AUTH };

/* The bytes of a body from an offset on: each transfer's differ. */
void body_fill(int serial, int64_t offset, char *into, size_t len);
bool body_is(int serial, int64_t offset, const char *data, size_t len);

void understudy_install(void);
void understudy_start(void);
/* Whether sockets are registered as libcurl has asked; aborts if not. */
void understudy_check_sockets(const acurl_engine *engine);
/* How many are open, idle ones included. */
int understudy_connections(void);
/* Whether one transfer at least waits for the network or a timer. */
bool understudy_waits(void);
/* The option after so many good ones is refused for lack of memory; below zero none. */
void understudy_limit_options(int good);
/* The next so many handles cannot be added to, or taken from, the multi; the next so many actions
 * run out of memory. */
void understudy_refuse_handles(int additions, int removals, int actions);
/* Bytes come, or do not, on the idle connections. */
void understudy_disturb_idle(bool readable);

/* The harness checks what the engine has set. Gives the transfer's serial number. */
int setup_check(const struct easy *easy);
/* And what it gives to be sent. */
void upload_check(const struct easy *easy, const char *data, size_t len);

#endif
