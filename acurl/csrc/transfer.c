/* One request on one easy handle: taking a handle, setting it up, receiving,
 * and cleaning it so that nothing of one user reaches the next. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MIN_WARM_HANDLES 256
#define PEAK_DECAY_EVERY 4096
#define KEEP_BODY BLOCK_MIN
#define KEEP_HEADERS 4096
#define MAX_HEADER_BYTES (300 * 1024)
#define MAX_RESERVE (8 * 1024 * 1024)

static bool starts_with(const char *line, size_t len, const char *prefix, size_t prefix_len) {
  return len >= prefix_len && !strncasecmp(line, prefix, prefix_len);
}

#define STARTS_WITH(line, len, literal) starts_with(line, len, literal, sizeof(literal) - 1)

/* A known length saves growing step by step. What the server claims is not
 * believed beyond a bound; untouched memory costs nothing. */
static void reserve_body(struct transfer *transfer, const char *value, size_t len) {
  int64_t size = 0;
  for(size_t i = 0; i < len && size < MAX_RESERVE; i++) {
    if(value[i] >= '0' && value[i] <= '9')
      size = size * 10 + (value[i] - '0');
    else if(value[i] != ' ')
      break;
  }
  if(size > KEEP_BODY && size <= MAX_RESERVE && size <= transfer->body_limit)
    buffer_reserve(&transfer->body, (size_t)size);
}

static int digit(const char *line, size_t len, size_t at) {
  return at < len && line[at] >= '0' && line[at] <= '9' ? line[at] - '0' : 0;
}

/* "HTTP/1.1 200 OK", "HTTP/2 200": read here, it is cheaper than asking. */
static void read_status_line(struct transfer *transfer, const char *line, size_t len) {
  size_t space = 5;
  while(space < len && line[space] != ' ')
    space++;
  int major = digit(line, len, 5);
  int minor = len > 6 && line[6] == '.' ? digit(line, len, 7) : 0;
  transfer->http_version = major == 1 ? 1 + minor : major == 2 ? 3 : major == 3 ? 30 : 0;
  if(major > 1)
    events_multiplexed(transfer);
  transfer->status = digit(line, len, space + 1) * 100 + digit(line, len, space + 2) * 10 +
                     digit(line, len, space + 3);
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  size_t len = size * count;
  transfer->last_progress = transfer->engine->now;
  if(line[0] == '\n' || (len == 2 && line[0] == '\r' && line[1] == '\n')) {
    transfer->in_body = true; /* or trailers: both come behind the blank line */
    return len;
  }
  char first = (char)(line[0] | 0x20); /* lower case, if it is a letter */
  bool may_be_status = transfer->in_body ? !transfer->body.len : !transfer->response_headers.len;
  if(may_be_status && first == 'h' && STARTS_WITH(line, len, "HTTP/")) {
    transfer->response_headers.len = 0; /* the answer after a 1xx or a CONNECT */
    transfer->in_body = false;
    read_status_line(transfer, line, len);
  }
  else if(transfer->in_body)
    return len; /* trailers are not headers */
  else if(first == 'c' && STARTS_WITH(line, len, "content-length:"))
    reserve_body(transfer, line + 15, len - 15);
  if(transfer->response_headers.len + len > MAX_HEADER_BYTES) {
    transfer->cause = ACURL_CAUSE_HEADERS_TOO_LARGE;
    return 0;
  }
  if(!buffer_append(&transfer->response_headers, line, len)) {
    transfer->cause = ACURL_CAUSE_NO_MEMORY;
    return 0;
  }
  return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  size_t len = size * count;
  transfer->in_body = true;
  transfer->last_progress = transfer->engine->now;
  if(transfer->body.len + len > (size_t)transfer->body_limit) {
    transfer->cause = ACURL_CAUSE_BODY_TOO_LARGE;
    return 0;
  }
  if(!buffer_append(&transfer->body, data, len)) {
    transfer->cause = ACURL_CAUSE_NO_MEMORY;
    return 0;
  }
  return len;
}

/* libcurl is about to send the request: for the first time, or once more. */
static int on_begin(void *context, char *ip, char *local_ip, int port, int local_port) {
  struct transfer *transfer = context;
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  transfer->begun++;
  return 0;
}

static CURLcode set_long(CURL *easy, int option, int64_t value) {
  return libcurl.easy_setopt(easy, option, (long)value);
}

static CURLcode set_text(CURL *easy, int option, const char *value) {
  return libcurl.easy_setopt(easy, option, value);
}

static CURLcode set_data(CURL *easy, int option, void *value) {
  return libcurl.easy_setopt(easy, option, value);
}

/* An older libcurl need not know every option. */
static CURLcode forgive_unknown(CURLcode code) {
  return code == CURLE_UNKNOWN_OPTION ? CURLE_OK : code;
}

#define TRY(call)        \
  do {                   \
    CURLcode rc = (call); \
    if(rc)               \
      return rc;         \
  } while(0)

/* What every transfer needs, whatever its profile. */
static CURLcode set_basics(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  TRY(set_data(easy, CURLOPT_PRIVATE, transfer));
  TRY(libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
  TRY(set_data(easy, CURLOPT_WRITEDATA, transfer));
  TRY(libcurl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header));
  TRY(set_data(easy, CURLOPT_HEADERDATA, transfer));
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

int transfer_apply_profile(struct transfer *transfer, const acurl_profile *profile) {
  if(transfer->profile_id == profile->id)
    return ACURL_OK;
  transfer->profile_id = 0;
  transfer->url.len = 0;
  libcurl.easy_reset(transfer->easy);
  CURLcode code = set_basics(transfer);
  for(int i = 0; i < profile->count && !code; i++) {
    const struct profile_option *option = &profile->options[i];
    code = option->is_text ? set_text(transfer->easy, option->option, option->text)
                           : set_long(transfer->easy, option->option, option->number);
  }
  if(!code)
    transfer->profile_id = profile->id;
  return to_result(code);
}

/* Copies the lines and links them into a curl_slist within the same block. */
static CURLcode set_headers(struct transfer *transfer, const char *lines, size_t len) {
  size_t count = 0;
  for(size_t i = 0; i < len; i++)
    count += lines[i] == '\0';
  struct buffer *block = &transfer->header_lines;
  size_t nodes_size = count * sizeof(struct curl_slist);
  block->len = 0;
  if(!buffer_reserve(block, nodes_size + len))
    return CURLE_OUT_OF_MEMORY;
  struct curl_slist *nodes = (struct curl_slist *)(void *)block->data;
  char *text = block->data + nodes_size;
  memcpy(text, lines, len);
  for(size_t i = 0; i < count; i++) {
    nodes[i].data = text;
    nodes[i].next = i + 1 < count ? &nodes[i + 1] : NULL;
    text += strlen(text) + 1;
  }
  transfer->has_headers = true;
  return set_data(transfer->easy, CURLOPT_HTTPHEADER, nodes);
}

static CURLcode set_method(struct transfer *transfer, const char *method, const char *body,
                           int64_t body_len) {
  CURL *easy = transfer->easy;
  if(!method && body_len < 0)
    return CURLE_OK;
  transfer->altered = true;
  bool is_head = method && !strcmp(method, "HEAD");
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
  transfer->opened_fd = -1;
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
  bool soiled = transfer->cookies_known ? transfer->got_cookie : jar_holds_any(easy);
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
  bool keep = transfer_cleanse(transfer) && engine->warm_count < warm_limit(engine);
  if(!keep)
    drop_easy(transfer);
  if(transfer->jar)
    jar_drop(transfer->jar);
  transfer->jar = NULL;
  transfer->altered = transfer->has_headers = false;
  transfer->in_body = transfer->got_cookie = transfer->cookies_known = false;
  transfer->stuck = false;
  transfer->begun = transfer->repeats = 0;
  transfer->opened_fd = -1;
  transfer->cause = ACURL_CAUSE_NONE;
  transfer->status = transfer->http_version = 0;
  transfer->error[0] = '\0';
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
