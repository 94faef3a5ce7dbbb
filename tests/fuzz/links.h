/* The connections of the stand-in for libcurl: opened and closed by the engine's callbacks, watched
 * by its socket callback, kept idle for whom they belong to. */
#ifndef FUZZ_LINKS_H
#define FUZZ_LINKS_H

#include "understudy.h"

void links_start(void);
void links_callback(int (*callback)(CURL *, int, int, void *, void *));
void links_context(void *context);

/* Gives a transfer an idle connection that it may use: of its owner, NULL for all of the multi. */
bool links_reuse(struct easy *easy, const struct share *owner);
bool links_open(struct easy *easy, const struct share *owner);
/* Tells the engine what a transfer waits for on its connection; CURL_POLL_* bits, 0 nothing. */
void links_watch(struct easy *easy, int mask);
int links_mask(int fd);
/* The transfer needs it no longer: it becomes idle, or is closed. */
void links_let_go(struct easy *easy, bool keep);
/* Closes those of an owner, NULL for the multi's. All must be idle. */
void links_close_idle(const struct share *owner);
/* Whether the kernel has registered what the engine was asked for. */
void links_check(const acurl_engine *engine);

#endif
