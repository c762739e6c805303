/* The least a server can do, in C: each line of standard input goes to all WebSockets as it is,
   and each message of a client back to it.

       cc -O2 -o floor floor.c && ./floor PORT

   Lines that one read gives are joined in one write for each client. Nobody has subscribed to
   anything, nothing is looked up, and the handshake has no key, as the load client does not look.
   It ends with its standard input. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS 65536
#define LEFT 4096
#define ROOM (1 << 16)

static const char ANSWER[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\n\r\n";

struct client {
    int place; /* in `open`, or -1 */
    size_t left, waiting, capacity;
    char kept[LEFT]; /* a part of a request or frame */
    char *unsent;
};

static struct client *clients[CLIENTS]; /* by file descriptor */
static int open_fds[CLIENTS], open_count, epoll;
static char input[ROOM + LEFT], lines[ROOM], output[2 * ROOM];

static void want(int fd, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(epoll, operation, fd, &event);
}

static void drop(int fd) {
    struct client *client = clients[fd];
    if (client->place >= 0) {
        int last = open_fds[--open_count];
        open_fds[client->place] = last;
        clients[last]->place = client->place;
    }
    free(client->unsent);
    free(client);
    clients[fd] = NULL;
    close(fd);
}

static void push(int fd, const char *bytes, size_t size) {
    struct client *client = clients[fd];
    ssize_t sent = 0;
    if (!client->waiting) {
        sent = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == (ssize_t)size) return;
        if (sent < 0) sent = 0; /* one that has gone is told by its own event */
        want(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    size_t rest = size - sent;
    if (client->waiting + rest > client->capacity) {
        client->capacity = 2 * (client->waiting + rest);
        client->unsent = realloc(client->unsent, client->capacity);
        if (!client->unsent) abort();
    }
    memcpy(client->unsent + client->waiting, bytes + sent, rest);
    client->waiting += rest;
}

static void push_waiting(int fd) {
    struct client *client = clients[fd];
    ssize_t sent = send(fd, client->unsent, client->waiting, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent <= 0) return;
    client->waiting -= sent;
    memmove(client->unsent, client->unsent + sent, client->waiting);
    if (!client->waiting) want(fd, EPOLL_CTL_MOD, EPOLLIN);
}

/* A text frame, unmasked; returns its size. */
static size_t frame(char *to, const char *payload, size_t size) {
    size_t head = size < 126 ? 2 : 4;
    to[0] = (char)0x81;
    to[1] = size < 126 ? (char)size : 126;
    if (head == 4) {
        to[2] = (char)(size >> 8);
        to[3] = (char)size;
    }
    memmove(to + head, payload, size);
    return head + size;
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= CLIENTS || !(clients[fd] = calloc(1, sizeof(struct client)))) abort();
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        clients[fd]->place = -1;
        want(fd, EPOLL_CTL_ADD, EPOLLIN);
    }
}

/* Send back each whole frame; returns how many bytes they were, or -1 for a close. */
static ssize_t echo(int fd, char *bytes, size_t size) {
    size_t at = 0, made = 0;
    while (size - at >= 6) {
        unsigned char *head = (unsigned char *)bytes + at;
        size_t length = head[1] & 127, begin = at + 6;
        if (length == 126) {
            if (size - at < 8) break;
            length = head[2] << 8 | head[3];
            begin += 2;
        }
        if (length == 127 || (head[0] & 15) == 8) return -1;
        if (begin + length > size) break;
        char *mask = bytes + begin - 4;
        for (size_t i = 0; i < length; i++) bytes[begin + i] ^= mask[i & 3];
        made += frame(output + made, bytes + begin, length);
        at = begin + length;
    }
    if (made) push(fd, output, made);
    return (ssize_t)at;
}

static void read_client(int fd) {
    struct client *client = clients[fd];
    memcpy(input, client->kept, client->left);
    ssize_t got = recv(fd, input + client->left, ROOM, MSG_DONTWAIT);
    if (got <= 0) {
        if (got == 0 || errno != EAGAIN) drop(fd);
        return;
    }
    size_t size = client->left + got, at = 0;
    if (client->place < 0) {
        char *end = memmem(input, size, "\r\n\r\n", 4);
        if (end) {
            at = end + 4 - input;
            client->place = open_count;
            open_fds[open_count++] = fd;
            push(fd, ANSWER, sizeof ANSWER - 1);
        }
    }
    if (client->place >= 0) {
        ssize_t used = echo(fd, input + at, size - at);
        if (used < 0) {
            drop(fd);
            return;
        }
        at += used;
    }
    client->left = size - at;
    if (client->left > LEFT)
        drop(fd);
    else
        memcpy(client->kept, input + at, client->left);
}

static void broadcast(void) {
    static size_t left;
    ssize_t got = read(0, lines + left, sizeof lines - left);
    if (got <= 0) exit(0);
    size_t size = left + got, at = 0, made = 0;
    char *end;
    while ((end = memchr(lines + at, '\n', size - at))) {
        made += frame(output + made, lines + at, end - lines - at);
        at = end + 1 - lines;
    }
    left = size - at;
    memmove(lines, lines + at, left);
    for (int i = 0; made && i < open_count; i++) push(open_fds[i], output, made);
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1]))};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("floor");
        return 1;
    }
    epoll = epoll_create1(0);
    want(listener, EPOLL_CTL_ADD, EPOLLIN);
    want(0, EPOLL_CTL_ADD, EPOLLIN);
    printf("Listening on %s\n", arguments[1]);
    fflush(stdout);
    for (;;) {
        struct epoll_event events[512];
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;
            if (fd == listener)
                accept_all(listener);
            else if (fd == 0)
                broadcast();
            else {
                if (clients[fd] && events[i].events & EPOLLOUT && clients[fd]->waiting)
                    push_waiting(fd);
                if (clients[fd] && events[i].events & ~EPOLLOUT) read_client(fd);
            }
        }
    }
}
