/* Lays finished transfers end to end in one block, which Python takes over in
 * a single crossing per drive. */
#include "internal.h"

#include <string.h>

/* Bodies up to here travel inside the record; larger ones change hands. Their
 * buffers have grown to BLOCK_MIN, so they are blocks. */
#define INLINE_BODY (BLOCK_MIN / 2)

/* Offsets into a batch are 32 bits. What would make it larger than this is told
 * as a lack of memory, with room left for the records of all others. */
#define MAX_BATCH ((size_t)256 << 20)

bool batch_reserve(acurl_engine *engine) {
  size_t most = 2 * ((size_t)engine->in_flight + 1); /* a notice and a record each */
  return buffer_reserve(&engine->batch_index, most * 3 * sizeof(int32_t)) &&
         buffer_reserve(&engine->batch_bytes, most * sizeof(acurl_record));
}

void batch_clear(acurl_engine *engine) {
  engine->batch_index.len = 0;
  engine->batch_bytes.len = 0;
  engine->batch.count = 0;
  engine->batch.size = 0;
}

static int64_t info_number(CURL *easy, int info) {
  int64_t value = 0;
  libcurl.easy_getinfo(easy, info, &value);
  return value;
}

static int32_t info_long(CURL *easy, int info) {
  long value = 0;
  libcurl.easy_getinfo(easy, info, &value);
  return (int32_t)value;
}

static const char *info_text(CURL *easy, int info) {
  const char *value = NULL;
  libcurl.easy_getinfo(easy, info, &value);
  return value;
}

/* One that never ran has waited for all its life. */
static int64_t waited_us(const struct transfer *transfer) {
  int64_t waited = transfer->waited;
  if(transfer->state == TRANSFER_QUEUED)
    waited += transfer->engine->now - transfer->queued_at;
  return waited / MICROSECOND;
}

int64_t record_connection_id(struct transfer *transfer) {
  int64_t id = -1;
  libcurl.easy_getinfo(transfer->easy, CURLINFO_CONN_ID, &id);
  if(id < 0)
    return -1;
  if(transfer->jar && transfer->jar->owner) /* libcurl counts from 0 for each owner */
    return id | (int64_t)transfer->jar->owner << 32;
  return id | (int64_t)transfer->lane->number << 24; /* and for each lane */
}

static void fill(acurl_record *record, struct transfer *transfer, CURLcode code) {
  CURL *easy = transfer->easy;
  record->code = code;
  record->cause = transfer->cause;
  record->start_us = transfer->start_wall_us;
  record->wait_us = waited_us(transfer);
  record->connection_id = -1;
  if(transfer->state != TRANSFER_RUNNING)
    return; /* it never reached libcurl: the handle still tells of the last one */
  record->status = transfer->status;
  record->http_version = transfer->http_version;
  int retries = transfer->begun - 1 - transfer->challenges;
  retries -= transfer->cause == ACURL_CAUSE_MAX_RETRIES; /* the last one was not sent */
  record->retries = (uint32_t)(retries > 0 ? retries : 0);
  record->request_size = (uint32_t)info_long(easy, CURLINFO_REQUEST_SIZE);
  record->new_connections = info_long(easy, CURLINFO_NUM_CONNECTS);
  record->connection_id = record_connection_id(transfer);
  if(record->http_version >= 3 && record->connection_id >= 0)
    *engine_answered(transfer->engine, record->connection_id) = record->connection_id;
  if(record->new_connections || code) { /* a reused connection has no such phases */
    record->namelookup_us = info_number(easy, CURLINFO_NAMELOOKUP_TIME_T);
    record->connect_us = info_number(easy, CURLINFO_CONNECT_TIME_T);
    record->appconnect_us = info_number(easy, CURLINFO_APPCONNECT_TIME_T);
  }
  record->pretransfer_us = info_number(easy, CURLINFO_PRETRANSFER_TIME_T);
  record->starttransfer_us = info_number(easy, CURLINFO_STARTTRANSFER_TIME_T);
  record->total_us = info_number(easy, CURLINFO_TOTAL_TIME_T);
  if(transfer->body_len > 0 || transfer->mime || transfer->upload)
    record->upload_size = info_number(easy, CURLINFO_SIZE_UPLOAD_T);
  record->download_size = info_number(easy, CURLINFO_SIZE_DOWNLOAD_T);
  if(code)
    record->os_error = transfer->open_errno ? transfer->open_errno
                                            : info_long(easy, CURLINFO_OS_ERRNO);
}

static bool append_text(struct buffer *bytes, const char *text, uint32_t *length) {
  size_t size = text ? strlen(text) : 0;
  if(!buffer_append(bytes, text, size))
    return false;
  *length = (uint32_t)size;
  return true;
}

static bool append_cookies(struct transfer *transfer, uint32_t *length) {
  struct buffer *bytes = &transfer->engine->batch_bytes;
  size_t before = bytes->len;
  if(!jar_dump(transfer->easy, bytes))
    return false;
  /* Without memory libcurl says that there are none. */
  if(bytes->len == before && transfer->saw_cookie && !jar_dump(transfer->easy, bytes))
    return false;
  *length = (uint32_t)(bytes->len - before);
  return true;
}

/* Lines ended by a NUL each, and each certificate by one more; TLS itself comes last. */
static bool append_certificates(struct transfer *transfer, uint32_t *length) {
  struct buffer *bytes = &transfer->engine->batch_bytes;
  size_t before = bytes->len;
  struct curl_certinfo *info = NULL;
  if(libcurl.easy_getinfo(transfer->easy, CURLINFO_CERTINFO, &info))
    info = NULL;
  for(int i = 0; info && i < info->num_of_certs; i++) {
    for(struct curl_slist *line = info->certinfo[i]; line; line = line->next)
      if(!buffer_append(bytes, line->data, strlen(line->data) + 1))
        return false;
    if(!buffer_append(bytes, "", 1))
      return false;
  }
  if(transfer->tls[0] && (!buffer_append(bytes, "TLS:", 4) ||
                          !buffer_append(bytes, transfer->tls, strlen(transfer->tls) + 1) ||
                          !buffer_append(bytes, "", 1)))
    return false;
  *length = (uint32_t)(bytes->len - before);
  return true;
}

/* Appends the variable parts. False when memory ran out. */
static bool append_parts(struct transfer *transfer, acurl_record *record, int32_t *flags) {
  struct buffer *bytes = &transfer->engine->batch_bytes;
  struct buffer *headers = &transfer->response_headers;
  bool ran = transfer->state == TRANSFER_RUNNING;
  if(!buffer_append(bytes, headers->data, headers->len))
    return false;
  record->header_len = (uint32_t)headers->len;
  if(ran && !append_text(bytes, info_text(transfer->easy, CURLINFO_PRIMARY_IP), &record->ip_len))
    return false;
  bool at_end = !(*flags & ACURL_FLAG_HEAD);
  if(ran && at_end && record->status >= 300 && record->status < 400) {
    const char *target = info_text(transfer->easy, CURLINFO_REDIRECT_URL);
    if(!append_text(bytes, target, &record->redirect_len))
      return false;
    if(record->redirect_len)
      *flags |= ACURL_FLAG_REDIRECT;
  }
  if(ran && !transfer->jar) {
    if(!append_cookies(transfer, &record->cookie_len))
      return false;
    transfer->cookies_known = true;
    transfer->got_cookie = record->cookie_len > 0;
    if(transfer->got_cookie)
      *flags |= ACURL_FLAG_COOKIES;
  }
  if(*flags & ACURL_FLAG_FAILED && !append_text(bytes, transfer->error, &record->error_len))
    return false;
  if(ran && transfer->flags & ACURL_PROFILE_CERTIFICATES &&
     !append_certificates(transfer, &record->cert_len))
    return false;
  /* What a stream has got before it failed is still to be read. */
  if(*flags & ACURL_FLAG_HEAD || (*flags & ACURL_FLAG_FAILED && !transfer->streams))
    return true;
  record->body_len = (int64_t)transfer->body.len;
  if(transfer->body.len > INLINE_BODY) {
    record->held_body = (uint64_t)(uintptr_t)transfer->body.data;
    transfer->body = (struct buffer){0};
    *flags |= ACURL_FLAG_HELD;
    return true;
  }
  return buffer_append(bytes, transfer->body.data, transfer->body.len);
}

/* batch_reserve() has made room for it. */
static void append_entry(struct transfer *transfer, int32_t flags) {
  acurl_engine *engine = transfer->engine;
  int32_t triple[3] = {transfer->slot, (int32_t)engine->batch_bytes.len, flags};
  buffer_append(&engine->batch_index, triple, sizeof triple);
  engine->batch.count++;
  engine->batch.size = (int32_t)engine->batch_bytes.len;
  engine->batch.index = (int32_t *)engine->batch_index.data;
  engine->batch.bytes = engine->batch_bytes.data;
}

void batch_notice(struct transfer *transfer, int32_t flags) {
  append_entry(transfer, flags);
}

static void count(acurl_engine *engine, const acurl_record *record) {
  engine->counters.retries += record->retries;
  engine->counters.reused += record->status && !record->new_connections;
  engine->counters.pool_timeouts += record->cause == ACURL_CAUSE_POOL_TIMEOUT;
}

void batch_record(struct transfer *transfer, CURLcode code, int32_t flags) {
  acurl_engine *engine = transfer->engine;
  struct buffer *bytes = &engine->batch_bytes;
  size_t start = bytes->len;
  acurl_record record = {0};
  fill(&record, transfer, code);
  if(!(flags & ACURL_FLAG_HEAD))
    count(engine, &record);
  if(code || transfer->cause)
    flags |= ACURL_FLAG_FAILED;
  if(!(flags & ACURL_FLAG_HEAD) && (transfer->streams || transfer->upload))
    flags |= ACURL_FLAG_EXCHANGE;
  /* batch_reserve() has made room for the records alone; parts may fail. */
  bytes->len += sizeof record;
  size_t later = 2 * (size_t)(engine->in_flight) * sizeof record;
  if(!append_parts(transfer, &record, &flags) || bytes->len > MAX_BATCH ||
     !buffer_reserve(bytes, later)) {
    if(flags & ACURL_FLAG_HEAD) { /* it is the transfer that fails, and not here */
      bytes->len = start;
      transfer->cause = ACURL_CAUSE_NO_MEMORY;
      limits_hasten(transfer);
      return;
    }
    bytes->len = start + sizeof record;
    acurl_record bare = {.code = CURLE_OUT_OF_MEMORY, .cause = ACURL_CAUSE_NO_MEMORY,
                         .start_us = record.start_us, .connection_id = -1};
    if(record.held_body)
      acurl_body_free(record.held_body);
    record = bare;
    flags = ACURL_FLAG_FAILED | (flags & ACURL_FLAG_EXCHANGE);
  }
  memcpy(bytes->data + start, &record, sizeof record);
  append_entry(transfer, flags);
}
