#ifndef CSIGMATESTNETWORK_H
#define CSIGMATESTNETWORK_H

/// Moves the calling thread into a network namespace of its own, whose loopback interface is up and has this MTU.
///
/// - Returns: 0, or the errno of what failed (EPERM without root).
int CSigmaTestNetwork_enter(int mtu);

#endif
