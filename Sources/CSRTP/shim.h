#ifndef SIGMA_CSRTP_SHIM_H
#define SIGMA_CSRTP_SHIM_H

#include <pthread.h>
#include <srtp2/srtp.h>

// A second srtp_init in one process fails, and two at a time race. Whoever uses the library calls this;
// the weak definitions become one in the linked program.
__attribute__((weak)) pthread_once_t CSRTP_once = PTHREAD_ONCE_INIT;
__attribute__((weak)) srtp_err_status_t CSRTP_status = srtp_err_status_init_fail;

static inline void CSRTP_initialiseNow(void) { CSRTP_status = srtp_init(); }
static inline srtp_err_status_t CSRTP_initialise(void) {
    pthread_once(&CSRTP_once, CSRTP_initialiseNow);
    return CSRTP_status;
}

#endif
