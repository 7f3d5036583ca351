"""Many clients of one event stream, in one thread."""

import select
import socket
import time

# What a browser sends, which the server has to read and to forget.
REQUEST = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36\r\n"
    "Accept: text/event-stream\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n"
    "Referer: http://127.0.0.1/\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-US,en;q=0.9\r\n{more}\r\n"
)


class Crowd:
    """`count` connected clients, each of which has been answered."""

    def __init__(self, port, path, count, patience=30.0, more=""):
        self.epoll = select.epoll()
        self.sockets = {}
        self.octets = 0
        request = REQUEST.format(path=path, more=more).encode()
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", port), timeout=patience)
            self.sockets[client.fileno()] = client
            client.sendall(request)
            head = client.recv(65536)
            if not head.startswith(b"HTTP/1.1 200 "):
                raise ConnectionError(head[:200].decode(errors="replace") or "the server closed the connection")
            client.setblocking(False)
            self.epoll.register(client.fileno(), select.EPOLLIN)
        self.last = dict.fromkeys(self.sockets, b"")

    def hear(self, text, patience=10.0):
        """Waits until every client has read `text`; returns when each did, in order."""
        needle, times, missing = text.encode(), [], set(self.sockets)
        end = time.monotonic() + patience
        while missing:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(missing)} of {len(self.sockets)} have not heard of {text} in {patience:g} s")
            for number, _ in self.epoll.poll(0.1, 1024):
                data = self.read(number)
                if number in missing and needle in data:
                    missing.discard(number)
                    times.append(time.monotonic())
        return times

    def listen(self, seconds):
        """Reads for a while; returns the octets that came."""
        before, end = self.octets, time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for number, _ in self.epoll.poll(left, 1024):
                self.read(number)
        return self.octets - before

    def read(self, number):
        """What has come, behind the end of what came before."""
        data = self.sockets[number].recv(65536)
        if not data:
            raise ConnectionError("the server closed a stream")
        self.octets += len(data)
        data = self.last[number] + data
        self.last[number] = data[-200:]
        return data

    def close(self):
        for client in self.sockets.values():
            client.close()
        self.epoll.close()
