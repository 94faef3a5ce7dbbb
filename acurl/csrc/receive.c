/* What a server answers: headers, bodies kept, counted or handed on. */
#include "internal.h"

#include <string.h>
#include <strings.h>

/* Of one transfer in all, so that endless 1xx answers end, too. */
#define MAX_HEADER_BYTES (300 * 1024)
#define MAX_RESERVE (8 * 1024 * 1024)
#define KEEP_RESERVE BLOCK_MIN
/* A streamed body stays in the kernel while more bytes than this have not been
 * read by the user. What libcurl has read by then, 128 KiB at most before it is
 * decompressed, still comes. */
#define STREAM_WINDOW (96 * 1024)
/* What those may become when they are decompressed. */
#define MAX_BURST ((size_t)64 << 20)

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
  bool kept = !transfer->streams && !(transfer->flags & ACURL_PROFILE_DISCARD_BODY);
  if(kept && size > KEEP_RESERVE && size <= MAX_RESERVE && size <= transfer->body_limit)
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
  events_spoken(transfer, major > 1);
  if(transfer->origin && major > 1)
    transfer->origin->answers++;
  if(major > 1 && transfer->opened_fd >= 0)
    connection_ready(transfer->engine, transfer->opened_fd); /* settings precede any answer */
  transfer->status = digit(line, len, space + 1) * 100 + digit(line, len, space + 2) * 10 +
                     digit(line, len, space + 3);
}

/* Redirects are read whole, since who follows one has no use for its body. An
 * answer that libcurl may yet meet with credentials is not the last one. */
static bool is_streamed(const struct transfer *transfer) {
  bool redirect = transfer->status >= 300 && transfer->status < 400 && transfer->status != 304;
  return transfer->streams && transfer->status >= 200 && !redirect &&
         !(transfer->has_digest && transfer->status == 401);
}

static void end_of_head(struct transfer *transfer) {
  transfer->in_body = true; /* or trailers: both come behind the blank line */
  if(is_streamed(transfer))
    notice_raise(transfer, NOTICE_HEAD);
}

/* Whether the first answer on a connection says so, or a later one, tells servers
 * that keep none from those that have had enough of this one. */
static void note_farewell(struct transfer *transfer, const char *value, size_t len) {
  while(len && (*value == ' ' || *value == '\t'))
    value++, len--;
  int fd = STARTS_WITH(value, len, "close") ? events_socket(transfer) : -1;
  if(fd < 0)
    return;
  int reason = fd == transfer->opened_fd ? ACURL_CLOSED_SERVER : ACURL_CLOSED_SERVER_LIMIT;
  struct descriptor *descriptor = &transfer->engine->descriptors[fd];
  if(!descriptor->reason)
    descriptor->reason = (int8_t)(reason + 1);
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  size_t len = size * count;
  transfer->last_progress = transfer->engine->now;
  if(line[0] == '\n' || (len == 2 && line[0] == '\r' && line[1] == '\n')) {
    end_of_head(transfer);
    return len;
  }
  char first = (char)(line[0] | 0x20); /* lower case, if it is a letter */
  if(first == 's' && STARTS_WITH(line, len, "set-cookie"))
    transfer->saw_cookie = true;
  bool may_be_status = transfer->in_body ? !transfer->saw_body : !transfer->response_headers.len;
  if(may_be_status && first == 'h' && STARTS_WITH(line, len, "HTTP/")) {
    transfer->response_headers.len = 0; /* the answer after a 1xx or a CONNECT */
    transfer->in_body = false;
    read_status_line(transfer, line, len);
  }
  else if(transfer->in_body)
    return len; /* trailers are not headers */
  else if(first == 'c' && STARTS_WITH(line, len, "content-length:"))
    reserve_body(transfer, line + 15, len - 15);
  else if(first == 'c' && STARTS_WITH(line, len, "connection:"))
    note_farewell(transfer, line + 11, len - 11);
  transfer->header_bytes += len;
  if(transfer->header_bytes > MAX_HEADER_BYTES) {
    transfer->cause = ACURL_CAUSE_HEADERS_TOO_LARGE;
    return 0;
  }
  if(!buffer_append(&transfer->response_headers, line, len)) {
    transfer->cause = ACURL_CAUSE_NO_MEMORY;
    return 0;
  }
  return len;
}

/* In place of CURL_WRITEFUNC_PAUSE, after which libcurl keeps all that it is
 * decompressing and fails when that is too much. */
static void pause_receiving(struct transfer *transfer) {
  if(transfer->paused & CURLPAUSE_RECV)
    return;
  transfer->paused |= CURLPAUSE_RECV;
  events_hold(transfer);
  libcurl.easy_pause(transfer->easy, transfer->paused);
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
  struct transfer *transfer = context;
  size_t len = size * count;
  transfer->in_body = true;
  transfer->saw_body |= len > 0;
  transfer->last_progress = transfer->engine->now;
  if(transfer->flags & ACURL_PROFILE_DISCARD_BODY && !transfer->streams)
    return len;
  bool streamed = is_streamed(transfer);
  if(transfer->body.len + len > (streamed ? MAX_BURST : (size_t)transfer->body_limit)) {
    transfer->cause = ACURL_CAUSE_BODY_TOO_LARGE;
    return 0;
  }
  if(streamed) {
    notice_raise(transfer, NOTICE_DATA);
    if(transfer->body.len + len > STREAM_WINDOW)
      pause_receiving(transfer);
  }
  if(!buffer_append(&transfer->body, data, len)) {
    transfer->cause = ACURL_CAUSE_NO_MEMORY;
    return 0;
  }
  return len;
}

void receive_forget(struct transfer *transfer) {
  transfer->status = 0;
  transfer->response_headers.len = 0;
  transfer->body.len = 0;
  transfer->in_body = transfer->saw_body = false;
}

CURLcode receive_watch_easy(struct transfer *transfer) {
  CURL *easy = transfer->easy;
  TRY(libcurl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body));
  TRY(set_data(easy, CURLOPT_WRITEDATA, transfer));
  TRY(libcurl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header));
  return set_data(easy, CURLOPT_HEADERDATA, transfer);
}
