/* Makes the system fail on demand. The tests are linked with --wrap for these calls, so that only
 * our own code meets the faults; libcurl's calls pass. */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include <stdbool.h>

/* The allocation after so many good ones fails, and all that follow. */
void faults_fail_allocations_after(int good);
/* Only the allocation after so many good ones fails. */
void faults_fail_one_allocation_after(int good);
/* Whether a fault of memory has struck since it was set. */
bool faults_struck(void);
/* epoll_ctl fails with ENOMEM when it registers or changes a descriptor, so many times. */
void faults_fail_epoll(int times);
/* Calls of epoll_ctl so far. */
int faults_epoll_calls(void);
/* socket() fails with EMFILE until faults_none(). */
void faults_fail_sockets(void);
/* All well again. */
void faults_none(void);

#endif
