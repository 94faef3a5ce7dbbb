/* One request on one easy handle: taking a handle, setting it up, and cleaning
 * it so that nothing of one user reaches the next. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define MIN_WARM_HANDLES 256
#define PEAK_DECAY_EVERY 4096
#define KEEP_BODY BLOCK_MIN
#define KEEP_HEADERS 4096
/* How many refusals are forgiven for each retry that is allowed, so that a server
 * which refuses one request for ever is not asked for ever. */
#define REFUSALS_PER_RETRY 10

/* What TLS has agreed upon, known before the server says a word. Without TLS only
 * who knows beforehand asks for HTTP/2. */
static bool is_multiplexed(struct transfer *transfer) {
  return !strncmp(transfer->url.data, "http:", 5) ||
         transfer->engine->descriptors[transfer->opened_fd].datagram || tls_chose_http2(transfer);
}

/* Who waits for the opener may go on once there is a connection. */
static void note_way(struct transfer *transfer) {
  if(transfer->opened_fd < 0)
    admission_opened(transfer); /* there was room on one, after all */
  else if(transfer->flags & ACURL_PROFILE_MULTIPLEX)
    events_spoken(transfer, is_multiplexed(transfer));
}

/* A server that takes only so many requests on a connection refuses what is under
 * way beyond them, a hundred at a time. Who stood far back meets that again and
 * again; while others are answered it is no failure. */
bool transfer_left_again(struct transfer *transfer, bool refused) {
  const struct origin *origin = transfer->origin;
  bool others_served = origin && origin->answers != transfer->answers_seen;
  int64_t most = transfer->engine->options.max_retries;
  if(!refused || !others_served || transfer->spared >= most * REFUSALS_PER_RETRY)
    transfer->left++;
  else
    transfer->spared++;
  return transfer->left <= most;
}

/* What it opened last may be closed by now, and its number used again. Of several
 * addresses another may have won: that one has said nothing yet. */
static void find_opened(struct transfer *transfer) {
  const struct descriptor *descriptors = transfer->engine->descriptors;
  long opened = 0;
  int fd = transfer->opened_fd;
  if(fd < 0 || descriptors[fd].birth == transfer->opened_birth)
    return;
  transfer->opened_fd = -1;
  libcurl.easy_getinfo(transfer->easy, CURLINFO_NUM_CONNECTS, &opened);
  fd = opened > 0 ? events_socket(transfer) : -1;
  if(fd < 0 || descriptors[fd].plain || descriptors[fd].multiplexed)
    return;
  transfer->opened_fd = fd;
  transfer->opened_birth = descriptors[fd].birth;
}

/* libcurl sends it once more by itself. False when that is once too often. */
static bool may_repeat(struct transfer *transfer) {
  long sent = 0;
  libcurl.easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
  if(transfer->status == 401 || transfer->status == 407) {
    transfer->challenges++; /* libcurl answers it with another request */
    receive_forget(transfer);
    return true;
  }
  /* On HTTP/2 it repeats nothing else that has left. */
  bool refused = sent > 0 && transfer->origin && transfer->origin->protocol == PROTOCOL_MULTIPLEX;
  /* Where one kept connection has died, others are about to: the next try, should
   * this one fail as well, has one of its own. */
  bool single = !transfer->origin || transfer->origin->protocol == PROTOCOL_SINGLE;
  if(single && !set_long(transfer->easy, CURLOPT_FRESH_CONNECT, 1))
    transfer->altered = true; /* the option stays behind otherwise */
  connection_explain(transfer->engine, ACURL_CLOSED_SERVER_IDLE);
  return sent <= 0 || transfer_left_again(transfer, refused);
}

/* libcurl is about to send the request: for the first time, or once more. */
static int on_begin(void *context, char *ip, char *local_ip, int port, int local_port) {
  struct transfer *transfer = context;
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  lane_settle(transfer);
  transfer->begun_at = transfer->engine->now;
  bool allowed = !transfer->begun++ || may_repeat(transfer);
  if(transfer->flags & ACURL_PROFILE_CERTIFICATES)
    tls_note(transfer);
  find_opened(transfer);
  if(transfer->origin) {
    note_way(transfer);
    transfer->answers_seen = transfer->origin->answers;
  }
  if(allowed)
    return CURL_PREREQFUNC_OK;
  transfer->cause = ACURL_CAUSE_MAX_RETRIES;
  return CURL_PREREQFUNC_ABORT;
}

/* An older libcurl need not know every option. */
static CURLcode forgive_unknown(CURLcode code) {
  return code == CURLE_UNKNOWN_OPTION ? CURLE_OK : code;
}

/* What every transfer needs, whatever its profile. */
static CURLcode set_basics(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  TRY(set_data(easy, CURLOPT_PRIVATE, transfer));
  TRY(receive_watch_easy(transfer));
  TRY(set_data(easy, CURLOPT_ERRORBUFFER, transfer->error));
  TRY(libcurl.easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_begin));
  TRY(set_data(easy, CURLOPT_PREREQDATA, transfer));
  TRY(events_watch_easy(transfer));
  TRY(set_long(easy, CURLOPT_NOSIGNAL, 1));
  TRY(forgive_unknown(set_long(easy, CURLOPT_QUICK_EXIT, 1)));
  TRY(set_text(easy, CURLOPT_PROTOCOLS_STR, "http,https"));
  /* A CA directory would keep libcurl from caching the parsed CA file. */
  TRY(set_text(easy, CURLOPT_CAPATH, NULL));
  TRY(set_text(easy, CURLOPT_ACCEPT_ENCODING, ""));
  /* NULL empties the list that "" adds to, and any jar of the handle's own. */
  TRY(set_text(easy, CURLOPT_COOKIEFILE, NULL));
  return set_text(easy, CURLOPT_COOKIEFILE, "");
}

static int to_result(CURLcode code) {
  if(code == CURLE_OUT_OF_MEMORY)
    return ACURL_ENOMEM;
  return code ? ACURL_EARGUMENT : ACURL_OK;
}

static CURLcode set_option(CURL *easy, const struct profile_option *option) {
  if(option->is_text)
    return set_text(easy, option->option, option->text);
  if(option->block)
    return set_data(easy, option->option, option->list);
  return set_long(easy, option->option, option->number);
}

int transfer_apply_profile(struct transfer *transfer, acurl_profile *profile) {
  transfer->flags = profile->flags;
  if(profile->has_list) {
    transfer->profile = profile;
    profile_hold(profile);
  }
  if(transfer->profile_id == profile->id)
    return ACURL_OK;
  transfer->profile_id = 0;
  transfer->url.len = 0;
  libcurl.easy_reset(transfer->easy);
  CURLcode code = set_basics(transfer);
  for(int i = 0; i < profile->count && !code; i++) {
    code = set_option(transfer->easy, &profile->options[i]);
    if(code)
      transfer->engine->refused_option = profile->options[i].option;
  }
  if(!code && profile->flags & ACURL_PROFILE_LOW_MEMORY)
    code = tls_save_memory(transfer->easy);
  if(!code)
    transfer->profile_id = profile->id;
  return to_result(code);
}

static CURLcode set_headers(struct transfer *transfer, const char *lines, size_t len) {
  struct buffer *block = &transfer->header_lines;
  block->len = 0;
  if(!buffer_reserve(block, lines_size(lines, len)))
    return CURLE_OUT_OF_MEMORY;
  transfer->has_headers = true;
  return set_data(transfer->easy, CURLOPT_HTTPHEADER, lines_link(block->data, lines, len));
}

static CURLcode set_method(struct transfer *transfer, const char *method, const char *body,
                           int64_t body_len) {
  CURL *easy = transfer->easy;
  transfer->is_safe = true;
  if(!method && body_len < 0)
    return CURLE_OK;
  transfer->altered = true;
  bool is_head = method && !strcmp(method, "HEAD");
  transfer->is_safe = !method || is_head || !strcmp(method, "GET") || !strcmp(method, "OPTIONS") ||
                      !strcmp(method, "TRACE");
  if(is_head && body_len >= 0) /* libcurl would wait for a body of the answer, too */
    return CURLE_BAD_FUNCTION_ARGUMENT;
  if(is_head)
    return set_long(easy, CURLOPT_NOBODY, 1);
  if(body_len >= 0) {
    TRY(set_long(easy, CURLOPT_POST, 1));
    TRY(libcurl.easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, body_len));
    TRY(set_data(easy, CURLOPT_POSTFIELDS, (void *)(uintptr_t)body));
  }
  return set_text(easy, CURLOPT_CUSTOMREQUEST, method ? method : "GET");
}

static CURLcode set_url(struct transfer *transfer, const char *url) {
  size_t size = strlen(url) + 1;
  if(transfer->url.len == size && !memcmp(transfer->url.data, url, size))
    return CURLE_OK;
  transfer->url.len = 0;
  TRY(set_text(transfer->easy, CURLOPT_URL, url));
  if(!buffer_append(&transfer->url, url, size))
    return CURLE_OUT_OF_MEMORY;
  return CURLE_OK;
}

static CURLcode set_jar(struct transfer *transfer, acurl_jar *jar) {
  if(!jar)
    return CURLE_OK;
  TRY(set_data(transfer->easy, CURLOPT_SHARE, jar->share));
  transfer->jar = jar;
  jar_hold(jar);
  return CURLE_OK;
}

int transfer_apply_request(struct transfer *transfer, acurl_jar *jar, const char *method,
                           const char *url, const char *headers, size_t headers_len,
                           const char *body, int64_t body_len) {
  CURLcode code = set_url(transfer, url);
  if(!code)
    code = set_method(transfer, method, body, body_len);
  if(!code && headers_len)
    code = set_headers(transfer, headers, headers_len);
  if(!code)
    code = set_jar(transfer, jar);
  if(!code && transfer->flags & ACURL_PROFILE_EARLY_DATA)
    code = set_long(transfer->easy, CURLOPT_SSL_OPTIONS,
                    transfer->is_safe ? CURLSSLOPT_EARLYDATA : 0);
  return to_result(code);
}

static CURLcode set_digest(struct transfer *transfer, const acurl_extras *extras) {
  transfer->altered = transfer->has_digest = true;
  TRY(set_long(transfer->easy, CURLOPT_HTTPAUTH, CURLAUTH_DIGEST));
  TRY(set_text(transfer->easy, CURLOPT_USERNAME, extras->digest_user));
  return set_text(transfer->easy, CURLOPT_PASSWORD, extras->digest_password);
}

int transfer_apply_extras(struct transfer *transfer, const acurl_extras *extras) {
  CURLcode code = CURLE_OK;
  transfer->streams = extras->stream_answer;
  if(extras->parts)
    code = form_begin(transfer, extras->parts, (int)extras->part_count);
  if(extras->stream_body)
    code = upload_begin(transfer, extras->stream_size);
  if(!code && extras->digest_user)
    code = set_digest(transfer, extras);
  return to_result(code);
}

static bool transfer_create(acurl_engine *engine) {
  if(engine->slot_count == engine->slot_cap) {
    int cap = engine->slot_cap ? engine->slot_cap * 2 : 64;
    struct transfer **slots = realloc(engine->slots, (size_t)cap * sizeof *slots);
    if(!slots)
      return false;
    engine->slots = slots;
    engine->slot_cap = cap;
  }
  struct transfer *transfer = calloc(1, sizeof *transfer);
  if(!transfer)
    return false;
  transfer->engine = engine;
  transfer->slot = engine->slot_count;
  transfer->heap_index = SIZE_MAX;
  transfer->settled = true;
  transfer->opened_fd = transfer->held_fd = -1;
  engine->slots[engine->slot_count++] = transfer;
  transfer->next = engine->cold;
  engine->cold = transfer;
  return true;
}

struct transfer *transfer_acquire(acurl_engine *engine) {
  struct transfer *transfer = engine->warm;
  if(transfer) {
    engine->warm = transfer->next;
    engine->warm_count--;
    return transfer;
  }
  if(!engine->cold && !transfer_create(engine))
    return NULL;
  transfer = engine->cold;
  transfer->easy = libcurl.easy_init();
  if(!transfer->easy)
    return NULL;
  engine->cold = transfer->next;
  engine->counters.handles++;
  return transfer;
}

static void drop_easy(struct transfer *transfer) {
  libcurl.easy_cleanup(transfer->easy);
  transfer->easy = NULL;
  transfer->profile_id = 0;
  transfer->engine->counters.handles--;
}

/* Takes every trace of the last request off the handle. False when libcurl
 * would not, and the handle must not serve anybody again. */
static bool transfer_cleanse(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  if(transfer->stuck)
    return false;
  if(transfer->jar && set_data(easy, CURLOPT_SHARE, NULL))
    return false;
  bool soiled = transfer->saw_cookie ||
                (transfer->cookies_known ? transfer->got_cookie : jar_holds_any(easy));
  if(soiled && (set_text(easy, CURLOPT_COOKIEFILE, NULL) || set_text(easy, CURLOPT_COOKIEFILE, "")))
    return false;
  if(transfer->has_headers && set_data(easy, CURLOPT_HTTPHEADER, NULL))
    return false;
  if(transfer->altered)
    transfer->profile_id = 0; /* the next use resets it */
  return true;
}

static int warm_limit(acurl_engine *engine) {
  if(++engine->recycles >= PEAK_DECAY_EVERY) {
    engine->recycles = 0;
    engine->recent_peak = (engine->recent_peak + engine->in_flight) / 2;
  }
  int twice = 2 * engine->recent_peak;
  return twice > MIN_WARM_HANDLES ? twice : MIN_WARM_HANDLES;
}

void transfer_recycle(struct transfer *transfer) {
  acurl_engine *engine = transfer->engine;
  form_free(transfer);
  upload_free(transfer);
  if(transfer->held_fd >= 0)
    events_release(transfer);
  bool keep = transfer_cleanse(transfer) && engine->warm_count < warm_limit(engine);
  if(!keep)
    drop_easy(transfer);
  if(transfer->jar)
    jar_drop(transfer->jar);
  transfer->jar = NULL;
  if(transfer->profile)
    acurl_profile_free(transfer->profile);
  transfer->profile = NULL;
  transfer->streams = transfer->has_digest = false;
  transfer->paused = transfer->notices = 0;
  transfer->header_bytes = 0;
  transfer->altered = transfer->has_headers = false;
  transfer->in_body = transfer->got_cookie = transfer->cookies_known = false;
  transfer->saw_cookie = transfer->saw_body = false;
  transfer->stuck = transfer->wants_fresh = false;
  transfer->recalls = 0;
  transfer->origin = NULL;
  transfer->pool_limit = transfer->waited = 0;
  transfer->begun = transfer->left = transfer->spared = 0;
  transfer->repeats = transfer->challenges = 0;
  transfer->opened_fd = -1;
  transfer->open_errno = 0;
  transfer->cause = ACURL_CAUSE_NONE;
  transfer->status = transfer->http_version = 0;
  transfer->error[0] = transfer->tls[0] = '\0';
  transfer->state = TRANSFER_FREE;
  if(!transfer->profile_id || transfer->url.cap > KEEP_HEADERS)
    buffer_reset(&transfer->url, KEEP_HEADERS);
  buffer_reset(&transfer->header_lines, KEEP_HEADERS);
  buffer_reset(&transfer->response_headers, KEEP_HEADERS);
  buffer_reset(&transfer->body, keep ? KEEP_BODY : 0);
  struct transfer **list = keep ? &engine->warm : &engine->cold;
  transfer->next = *list;
  *list = transfer;
  engine->warm_count += keep;
}

void transfer_free(struct transfer *transfer) {
  form_free(transfer);
  upload_free(transfer);
  if(transfer->profile)
    acurl_profile_free(transfer->profile);
  if(transfer->easy)
    drop_easy(transfer);
  if(transfer->jar)
    jar_drop(transfer->jar);
  buffer_free(&transfer->url);
  buffer_free(&transfer->header_lines);
  buffer_free(&transfer->response_headers);
  buffer_free(&transfer->body);
  free(transfer);
}
