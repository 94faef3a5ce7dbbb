/* A tiny HTTP/1.1 server in the test's own thread: it works only while target_step() runs, so a
 * test knows at every moment what has happened and what has not. */
#ifndef TESTS_TARGET_H
#define TESTS_TARGET_H

#include <stdint.h>

/* Paths, each with any query:
 *   /echo          head and body of the request, as they came
 *   /bytes/N       N bytes              /claims/N     claims N bytes of body, sends none, waits
 *   /head/N        N bytes of headers   /early/N      N answers 103, then a good one
 *   /cookie        sets a=1, whole site /redirect     302 to /echo
 *   /trailers/N    N bytes of chunked body, then a trailer that looks like a cookie
 *   /silent        never answers        /deaf         reads no further once the head has come
 *   /odd           has a header that looks like a status line
 *   /close         answers, then closes /die          closes without an answer
 *   anything else  404                                                                     */
struct target;

struct target *target_start(void);
/* Closes all connections and frees it. */
void target_stop(struct target *target);
/* Readable when target_step() has something to do. */
int target_fd(const struct target *target);
void target_step(struct target *target);
/* Closes the connections, as a server does that restarts; it goes on listening. */
void target_drop_connections(struct target *target);
/* Sends bytes on every open connection, asked for or not. */
void target_push(struct target *target, const char *text);

int target_port(const struct target *target);
int target_accepted(const struct target *target);
int target_open(const struct target *target);
int target_requests(const struct target *target);

#endif
