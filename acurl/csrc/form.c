/* Multipart bodies, by libcurl's mime API. Parts in memory are read where they
 * lie; parts in files are read from there while they are sent. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

/* Where libcurl has come to in a part's memory. */
struct part_reader {
  const char *data;
  size_t len;
  size_t at;
};

static size_t on_part_read(char *into, size_t size, size_t count, void *context) {
  struct part_reader *reader = context;
  size_t left = reader->len - reader->at;
  size_t len = left < size * count ? left : size * count;
  if(len)
    memcpy(into, reader->data + reader->at, len);
  reader->at += len;
  return len;
}

static int on_part_seek(void *context, int64_t offset, int origin) {
  struct part_reader *reader = context;
  if(origin != 0 || offset < 0 || (size_t)offset > reader->len)
    return CURL_SEEKFUNC_CANTSEEK;
  reader->at = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

static CURLcode set_part_headers(curl_mimepart *part, const char *lines, size_t len) {
  struct curl_slist *list = NULL;
  for(const char *line = lines; line < lines + len; line += strlen(line) + 1) {
    struct curl_slist *longer = libcurl.slist_append(list, line);
    if(!longer) {
      libcurl.slist_free_all(list);
      return CURLE_OUT_OF_MEMORY;
    }
    list = longer;
  }
  return libcurl.mime_headers(part, list, 1);
}

static CURLcode add_part(curl_mime *mime, const acurl_part *from, struct part_reader *reader) {
  curl_mimepart *part = libcurl.mime_addpart(mime);
  if(!part)
    return CURLE_OUT_OF_MEMORY;
  TRY(libcurl.mime_name(part, from->name));
  if(from->path)
    TRY(libcurl.mime_filedata(part, from->path));
  else {
    *reader = (struct part_reader){.data = from->data, .len = (size_t)from->data_len};
    TRY(libcurl.mime_data_cb(part, from->data_len, on_part_read, on_part_seek, NULL, reader));
  }
  /* None, too: a path brings its own. */
  TRY(libcurl.mime_filename(part, from->filename));
  if(from->content_type)
    TRY(libcurl.mime_type(part, from->content_type));
  if(from->headers_len)
    TRY(set_part_headers(part, from->headers, (size_t)from->headers_len));
  return CURLE_OK;
}

CURLcode form_begin(struct transfer *transfer, const acurl_part *parts, int count) {
  transfer->altered = true;
  transfer->mime = libcurl.mime_init(transfer->easy);
  transfer->readers = calloc((size_t)count + 1, sizeof *transfer->readers);
  if(!transfer->mime || !transfer->readers)
    return CURLE_OUT_OF_MEMORY;
  for(int i = 0; i < count; i++)
    TRY(add_part(transfer->mime, &parts[i], &transfer->readers[i]));
  return set_data(transfer->easy, CURLOPT_MIMEPOST, transfer->mime);
}

void form_free(struct transfer *transfer) {
  if(transfer->mime) {
    set_data(transfer->easy, CURLOPT_MIMEPOST, NULL);
    libcurl.mime_free(transfer->mime);
  }
  free(transfer->readers);
  transfer->mime = NULL;
  transfer->readers = NULL;
}
