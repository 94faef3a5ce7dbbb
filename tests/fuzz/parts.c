/* Multipart bodies in the stand-in: each part is remembered, and read when the upload plays. */
#include "answers.h"

#include "../csrc/check.h"

static curl_mime *mime_init(CURL *easy) {
  (void)easy;
  struct mime *mime = calloc(1, sizeof *mime);
  CHECK(mime);
  return mime;
}

static void mime_free(curl_mime *mime) {
  free(mime);
}

static curl_mimepart *mime_addpart(curl_mime *handle) {
  struct mime *mime = handle;
  CHECK_AT_MOST(mime->count, 3);
  return &mime->parts[mime->count++];
}

static CURLcode mime_name(curl_mimepart *part, const char *name) {
  snprintf(((struct part *)part)->name, sizeof ((struct part *)part)->name, "%s", name);
  return CURLE_OK;
}

static CURLcode mime_text(curl_mimepart *part, const char *text) {
  CHECK(part && text);
  return CURLE_OK;
}

static CURLcode mime_filename(curl_mimepart *part, const char *text) {
  (void)text; /* NULL takes it off */
  CHECK(part);
  return CURLE_OK;
}

static CURLcode mime_headers(curl_mimepart *part, struct curl_slist *lines, int give_away) {
  CHECK(part && lines && give_away);
  libcurl.slist_free_all(lines);
  return CURLE_OK;
}

static CURLcode mime_data_cb(curl_mimepart *handle, int64_t size,
                             size_t (*read)(char *, size_t, size_t, void *),
                             int (*seek)(void *, int64_t, int), void (*free)(void *),
                             void *context) {
  struct part *part = handle;
  CHECK(read && seek && !free);
  part->read = read;
  part->seek = seek;
  part->size = size;
  part->context = context;
  return CURLE_OK;
}

void parts_install(void) {
  libcurl.mime_init = mime_init;
  libcurl.mime_free = mime_free;
  libcurl.mime_addpart = mime_addpart;
  libcurl.mime_name = mime_name;
  libcurl.mime_filename = mime_filename;
  libcurl.mime_type = mime_text;
  libcurl.mime_headers = mime_headers;
  libcurl.mime_filedata = mime_text;
  libcurl.mime_data_cb = mime_data_cb;
}
