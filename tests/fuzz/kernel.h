/* An operating system for the engine to run on: a clock moved by hand, descriptors that exist in a
 * table only, memory that runs out on demand. The engine's files are compiled with these names in
 * place of the C library's. What the engine does wrong with a descriptor aborts. */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

void kernel_start(void);
/* All descriptors must be closed by now. */
void kernel_stop(void);

void kernel_move_clock(int64_t nanoseconds);
/* Moves the clock to when the timer fires; false when it is not set. */
bool kernel_move_to_timer(void);
/* The allocation after so many good ones fails, and all that follow, until 0 is given: below zero
 * none does. */
void kernel_limit_memory(int good);
bool kernel_memory_failed(void);
/* The next calls fail: registrations with epoll, sockets. */
void kernel_refuse_epoll(int times);
void kernel_refuse_sockets(int times);
bool kernel_refuses(void);

/* Bytes or an end are there to be read on a socket. */
void kernel_make_readable(int fd, bool readable);
bool kernel_is_shut(int fd);
bool kernel_is_open(int fd);
/* The events that epoll has registered for a socket, 0 for none. */
uint32_t kernel_registered(int fd);
/* Whether the epoll descriptor of the engine would wake its loop, now or by the timer. */
bool kernel_would_wake(void);

#endif
