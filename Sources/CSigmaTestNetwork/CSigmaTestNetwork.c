#define _GNU_SOURCE
#include "CSigmaTestNetwork.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int CSigmaTestNetwork_enter(int mtu) {
    if (unshare(CLONE_NEWNET) != 0) return errno;
    int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_mtu = mtu;
    int error = ioctl(descriptor, SIOCSIFMTU, &request) != 0 ? errno : 0;
    request.ifr_flags = IFF_UP;
    if (error == 0 && ioctl(descriptor, SIOCSIFFLAGS, &request) != 0) error = errno;
    close(descriptor);
    return error;
}
