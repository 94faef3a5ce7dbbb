/* TLS: what libcurl does not tell of it, asked of OpenSSL, which libcurl is linked
 * with. With another TLS none of this is known. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SSL_CTRL_MODE 33
#define SSL_MODE_RELEASE_BUFFERS 0x10L

/* The connection of a transfer that is about to be sent; NULL if there is no way
 * to ask it. */
static const void *connection_of(struct transfer *transfer) {
  const struct curl_tlssessioninfo *tls = NULL;
  if(libcurl.easy_getinfo(transfer->easy, CURLINFO_TLS_SSL_PTR, &tls) || !tls ||
     tls->backend != CURLSSLBACKEND_OPENSSL)
    return NULL;
  return tls->internals;
}

bool tls_chose_http2(struct transfer *transfer) {
  const unsigned char *name = NULL;
  unsigned int len = 0;
  const void *connection = connection_of(transfer);
  if(connection && libcurl.ssl_alpn_selected)
    libcurl.ssl_alpn_selected(connection, &name, &len);
  return len == 2 && name[0] == 'h' && name[1] == '2';
}

void tls_note(struct transfer *transfer) {
  const void *connection = connection_of(transfer);
  if(!connection || !libcurl.ssl_version || !libcurl.ssl_cipher || !libcurl.ssl_cipher_name)
    return;
  const void *cipher = libcurl.ssl_cipher(connection);
  snprintf(transfer->tls, sizeof transfer->tls, "%s %s", libcurl.ssl_version(connection),
           cipher ? libcurl.ssl_cipher_name(cipher) : "");
}

/* OpenSSL keeps the buffers of an idle connection unless it is told not to. */
static CURLcode release_buffers(CURL *easy, void *context, void *unused) {
  (void)easy, (void)unused;
  if(libcurl.ssl_ctx_ctrl)
    libcurl.ssl_ctx_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, NULL);
  return CURLE_OK;
}

CURLcode tls_save_memory(CURL *easy) {
  return libcurl.easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, release_buffers);
}
