/* Fuzzes what servers send: the bytes go as they are through a socket into the real libcurl, which
 * calls the engine. The first byte chooses the protocol and the kind of request, the second where
 * the bytes are cut in two. Only the engine is watched for coverage.
 *
 * The socket is a Unix one with a name in the abstract space: no port is ever used up. */
#define _GNU_SOURCE
#include "internal.h"

#include "../csrc/check.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ABSTRACT_UNIX_SOCKET 10264
#define HTTP_VERSION 84
#define PRIOR_KNOWLEDGE 5
#define MOST_ROUNDS 400

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEPT, DISCARDED, HTTP2, PROFILES };

static acurl_profile *profiles[PROFILES];
static int listener;

static void listen_on(struct sockaddr_un *address, char *name, size_t name_size) {
  snprintf(name, name_size, "acurl-fuzz-%d", (int)getpid());
  *address = (struct sockaddr_un){.sun_family = AF_UNIX};
  memcpy(address->sun_path + 1, name, strlen(name));
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name));
  listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(!bind(listener, (struct sockaddr *)address, size));
  CHECK(!listen(listener, 16));
}

/* The library's path comes from ACURL_LIBCURL, since libFuzzer keeps the arguments for itself. */
int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc, (void)argv;
  struct sockaddr_un address;
  char name[64];
  const char *path = getenv("ACURL_LIBCURL");
  CHECK(path);
  CHECK_EQUAL(acurl_bind(path, 0), ACURL_OK);
  listen_on(&address, name, sizeof name);
  for(int i = 0; i < PROFILES; i++) {
    profiles[i] = acurl_profile_new();
    CHECK(!acurl_profile_set_text(profiles[i], ABSTRACT_UNIX_SOCKET, name));
    CHECK(!acurl_profile_set_text(profiles[i], 10004, ""));
  }
  acurl_profile_set_flags(profiles[DISCARDED], ACURL_PROFILE_DISCARD_BODY);
  acurl_profile_set_long(profiles[HTTP2], HTTP_VERSION, PRIOR_KNOWLEDGE);
  return 0;
}

struct talk {
  acurl_engine *engine;
  int peer; /* -1 before the connection and after the end */
  const uint8_t *data;
  size_t left, first; /* bytes to say, and of them at once */
  bool streams, done;
  int64_t read;
};

static void check_record(struct talk *talk, const char *bytes, size_t size, int flags) {
  acurl_record record;
  CHECK_AT_LEAST(size, sizeof record);
  memcpy(&record, bytes, sizeof record);
  size_t parts = (size_t)record.header_len + record.ip_len + record.redirect_len +
                 record.cookie_len + record.error_len + record.cert_len;
  if(!(flags & (ACURL_FLAG_HELD | ACURL_FLAG_HEAD)))
    parts += (size_t)record.body_len;
  CHECK_EQUAL(size, sizeof record + parts);
  CHECK_EQUAL(!!(flags & ACURL_FLAG_FAILED), record.code || record.cause);
  CHECK_AT_MOST(record.body_len + talk->read, 64 << 20);
  if(flags & ACURL_FLAG_HELD)
    acurl_body_free(record.held_body);
  talk->done |= !(flags & ACURL_FLAG_HEAD);
}

static void take(struct talk *talk, int count) {
  acurl_batch *batch = acurl_engine_batch(talk->engine);
  int32_t start = 0;
  CHECK_EQUAL(batch->count, count);
  for(int i = 0; i < count; i++) {
    const int32_t *triple = &batch->index[3 * i];
    size_t size = (size_t)(triple[1] - start);
    if(triple[2] & ACURL_FLAG_DATA)
      CHECK(talk->streams && !size);
    else
      check_record(talk, batch->bytes + start, size, triple[2]);
    start = triple[1];
  }
  CHECK_EQUAL(start, batch->size);
}

static void hang_up(struct talk *talk) {
  if(talk->peer >= 0)
    close(talk->peer);
  talk->peer = -1;
}

/* Accepts, and says the first part, the second, and then goodbye, a step each. */
static void serve(struct talk *talk) {
  if(talk->peer < 0) {
    int peer = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if(peer >= 0 && !talk->left)
      close(peer);
    else
      talk->peer = peer;
  }
  if(talk->peer < 0)
    return;
  size_t len = talk->first ? talk->first : talk->left;
  if(len)
    (void)!send(talk->peer, talk->data, len, MSG_NOSIGNAL);
  else
    hang_up(talk);
  talk->data += len;
  talk->left -= len;
  talk->first = 0;
}

static void run(struct talk *talk, int slot) {
  take(talk, acurl_kick(talk->engine));
  for(int i = 0; i < MOST_ROUNDS && !talk->done; i++) {
    struct pollfd ready = {.fd = acurl_engine_fd(talk->engine), .events = POLLIN};
    serve(talk);
    poll(&ready, 1, talk->peer < 0 && !talk->left ? 20 : 0);
    const char *data;
    take(talk, acurl_drive(talk->engine));
    if(talk->streams && !talk->done) {
      int64_t got = acurl_read(talk->engine, slot, &data);
      CHECK_AT_LEAST(got, 0);
      talk->read += got;
    }
  }
  CHECK(talk->done);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  acurl_engine_options options = {.max_connects = 2, .max_host_keepalive = -1, .max_streams = 10,
                                  .keepalive_expiry_us = 1000000,
                                  .max_response_size = 64 << 20, .max_retries = 0};
  if(size < 2)
    return 0;
  struct talk talk = {.engine = acurl_engine_new(&options), .peer = -1, .data = data + 2,
                      .left = size - 2, .first = data[1] < size - 2 ? data[1] : 0,
                      .streams = data[0] & 4};
  acurl_extras extras = {.stream_answer = talk.streams};
  acurl_jar *jar = data[0] & 8 ? acurl_jar_new(talk.engine, 0) : NULL;
  CHECK(talk.engine);
  int slot = acurl_submit(talk.engine, profiles[(data[0] & 3) % PROFILES], jar, 0,
                          data[0] & 16 ? "HEAD" : NULL, "http://fuzz.test/", NULL, 0, NULL, -1,
                          5000000, &extras);
  CHECK_EQUAL(slot, 0);
  run(&talk, slot);
  hang_up(&talk);
  if(jar)
    acurl_jar_release(talk.engine, jar);
  CHECK_EQUAL(acurl_engine_close(talk.engine), ACURL_OK);
  return 0;
}
