/* Many WebSocket clients that say the same and count what they get, in C, so that it is the
   server that is measured.

       cc -O2 -o crowd crowd.c && ./crowd PORT PATH READY IGNORED < commands

   A client is ready with the first message that begins with READY; messages that begin with
   IGNORED are answered with PONG and not counted. Commands, one a line, and their answers:

       hello TEXT     said by each client that is opened from now on
       open N M       N more clients, M at once -> "opened SECONDS FAILED" when all are ready
       say TEXT       said by each client now; {n} in it is the client's number, from 1
       expect K       count from zero: K messages for all together -> "expecting"
       (all there)    -> "arrived" without being asked
       report         -> "report MISSING WRONG TIMES PAYLOADS SIZE", TIMES doubles (seconds of the
                      monotonic clock), as many 32-bit integers (which message of its client
                      each was, from 0), and what the first client got: PAYLOADS lines of SIZE bytes

   WRONG: clients that have not got what the first has, in any order. It ends with its input. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CLIENTS 65536
#define ROOM (1 << 18)
#define HELLO 8192

enum state { CONNECTING, UPGRADING, WAITING, READY, GONE };

struct client {
    int fd;
    enum state state;
    size_t left, capacity;
    char *kept; /* a part of an answer or frame */
    uint64_t sum;
    long count;
};

static struct client clients[CLIENTS];
static const char *ready_start, *ignored_start;
static int count, next_to_open, opening, opened, failed, epoll, port;
static double began, *times;
static int32_t *places;
static long missing, times_count, times_room;
static char request[1024], hello[HELLO], input[ROOM];
static size_t hello_size, payloads_size, payloads_room;
static long payloads_count;
static char *payloads;

static double now(void) {
    struct timespec when;
    clock_gettime(CLOCK_MONOTONIC, &when);
    return when.tv_sec + when.tv_nsec / 1e9;
}

static void *grown(void *old, size_t size) {
    void *fresh = realloc(old, size);
    if (!fresh) abort();
    return fresh;
}

/* A masked frame; with a mask of zeros the payload is its own masked form. */
static size_t frame(char *to, const char *payload, size_t size, int opcode) {
    size_t head = size < 126 ? 2 : 4;
    to[0] = (char)(0x80 | opcode);
    to[1] = (char)(0x80 | (size < 126 ? size : 126));
    if (head == 4) {
        to[2] = (char)(size >> 8);
        to[3] = (char)size;
    }
    memset(to + head, 0, 4);
    memcpy(to + head + 4, payload, size);
    return head + 4 + size;
}

static void say(struct client *client, const char *bytes, size_t size) {
    if (send(client->fd, bytes, size, MSG_NOSIGNAL) < 0) perror("crowd: send");
}

static void open_next(void) {
    struct client *client = &clients[next_to_open++];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (client->fd < 0) {
        perror("crowd: socket");
        exit(1);
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    client->state = CONNECTING;
    connect(client->fd, (struct sockaddr *)&address, sizeof address);
    struct epoll_event event = {.events = EPOLLOUT, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
    opening++;
}

static void one_done(void) {
    opening--;
    if (next_to_open < count) open_next();
    if (opened + failed < count) return;
    printf("opened %.9f %d\n", now() - began, failed);
    fflush(stdout);
}

static void one_ready(void) {
    opened++;
    one_done();
}

static void gone(struct client *client) {
    if (client->state < READY) {
        failed++;
        client->state = GONE;
        one_done();
    }
    client->state = GONE;
    close(client->fd);
}

static void connected(struct client *client) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event);
    client->state = UPGRADING;
    say(client, request, strlen(request));
}

static void keep_payload(const char *payload, size_t size) {
    if (payloads_size + size + 1 > payloads_room)
        payloads = grown(payloads, payloads_room = 2 * (payloads_size + size + 1));
    memcpy(payloads + payloads_size, payload, size);
    payloads[payloads_size + size] = '\n';
    payloads_size += size + 1;
    payloads_count++;
}

static void take(struct client *client, const char *payload, size_t size, double when) {
    size_t ignored = strlen(ignored_start), ready = strlen(ready_start);
    if (size >= ignored && !memcmp(payload, ignored_start, ignored)) {
        char pong[64];
        say(client, pong, frame(pong, "{\"msg\":\"pong\"}", 14, 1));
    } else if (client->state == READY) {
        uint64_t hash = 14695981039346656037u;
        for (size_t i = 0; i < size; i++) hash = (hash ^ (unsigned char)payload[i]) * 1099511628211u;
        client->sum += hash;
        if (client == clients) keep_payload(payload, size);
        if (times_count == times_room) {
            times = grown(times, sizeof *times * (times_room = 2 * times_room + 1024));
            places = grown(places, sizeof *places * times_room);
        }
        places[times_count] = (int32_t)client->count++;
        times[times_count++] = when;
        if (--missing == 0) {
            printf("arrived\n");
            fflush(stdout);
        }
    } else if (size >= ready && !memcmp(payload, ready_start, ready)) {
        client->state = READY;
        one_ready();
    }
}

/* Hand out all whole frames; returns how many bytes they were. */
static size_t read_frames(struct client *client, char *bytes, size_t size, double when) {
    size_t at = 0;
    while (size - at >= 2 && client->state != GONE) {
        unsigned char *head = (unsigned char *)bytes + at;
        size_t length = head[1], begin = at + 2;
        if (length == 126) {
            if (size - at < 4) break;
            length = head[2] << 8 | head[3];
            begin = at + 4;
        } else if (length == 127) {
            if (size - at < 10) break;
            length = 0;
            for (int i = 2; i < 10; i++) length = length << 8 | head[i];
            begin = at + 10;
        }
        if (begin + length > size) break;
        if (head[0] == 0x81)
            take(client, bytes + begin, length, when);
        else if (head[0] == 0x88)
            gone(client);
        else if (head[0] == 0x89 && length < 126) {
            char pong[160];
            say(client, pong, frame(pong, bytes + begin, length, 10));
        }
        at = begin + length;
    }
    return at;
}

static void readable(struct client *client) {
    size_t left = client->left;
    if (left + ROOM / 2 > client->capacity && left)
        client->kept = grown(client->kept, client->capacity = left + ROOM);
    char *bytes = left ? client->kept : input;
    ssize_t got = recv(client->fd, bytes + left, ROOM / 2, MSG_DONTWAIT);
    double when = now();
    if (got <= 0) {
        gone(client);
        return;
    }
    size_t size = left + got, at = 0;
    if (client->state == UPGRADING) {
        char *end = memmem(bytes, size, "\r\n\r\n", 4);
        if (end && memcmp(bytes, "HTTP/1.1 101", 12)) {
            gone(client);
            return;
        }
        if (end) {
            at = end + 4 - bytes;
            client->state = hello_size ? WAITING : READY;
            if (hello_size)
                say(client, hello, hello_size);
            else
                one_ready();
        }
    }
    if (client->state > UPGRADING) at += read_frames(client, bytes + at, size - at, when);
    client->left = size - at;
    if (!client->left) return;
    if (client->capacity < client->left)
        client->kept = grown(client->kept, client->capacity = client->left);
    memmove(client->kept, bytes + at, client->left);
}

static void report(void) {
    long wrong = 0;
    for (int i = 0; i < count; i++)
        wrong += clients[i].sum != clients[0].sum || clients[i].count != clients[0].count;
    printf("report %ld %ld %ld %ld %zu\n", missing, wrong, times_count, payloads_count,
           payloads_size);
    fwrite(times, sizeof *times, times_count, stdout);
    fwrite(places, sizeof *places, times_count, stdout);
    fwrite(payloads, 1, payloads_size, stdout);
    fflush(stdout);
}

static void expect(long messages) {
    missing = messages;
    times_count = payloads_count = 0;
    payloads_size = 0;
    for (int i = 0; i < count; i++) clients[i].sum = clients[i].count = 0;
    printf("expecting\n");
    fflush(stdout);
}

static void say_all(const char *text) {
    char said[HELLO], framed[HELLO + 16];
    const char *place = strstr(text, "{n}");
    for (int i = 0; i < count; i++) {
        if (place)
            snprintf(said, sizeof said, "%.*s%d%s", (int)(place - text), text, i + 1, place + 3);
        else
            snprintf(said, sizeof said, "%s", text);
        if (clients[i].state == READY)
            say(&clients[i], framed, frame(framed, said, strlen(said), 1));
    }
}

static void obey(char *line) {
    if (!strncmp(line, "hello ", 6)) {
        if (hello_size + strlen(line) + 8 > HELLO) abort();
        hello_size += frame(hello + hello_size, line + 6, strlen(line + 6), 1);
    } else if (!strncmp(line, "open ", 5)) {
        int more = 0, at_once = 0;
        if (sscanf(line + 5, "%d %d", &more, &at_once) != 2) abort();
        if ((count += more) > CLIENTS) abort();
        began = now();
        while (next_to_open < count && opening < at_once) open_next();
    } else if (!strncmp(line, "expect ", 7))
        expect(atol(line + 7));
    else if (!strncmp(line, "say ", 4))
        say_all(line + 4);
    else if (!strcmp(line, "report"))
        report();
}

static void commands(void) {
    static char line[HELLO];
    static size_t left;
    ssize_t got = read(0, line + left, sizeof line - left);
    if (got <= 0) exit(0);
    left += got;
    char *end, *at = line;
    while ((end = memchr(at, '\n', line + left - at))) {
        *end = 0;
        obey(at);
        at = end + 1;
    }
    left = line + left - at;
    memmove(line, at, left);
}

int main(int arguments_count, char **arguments) {
    if (arguments_count != 5) return 2;
    port = atoi(arguments[1]);
    ready_start = arguments[3];
    ignored_start = arguments[4];
    snprintf(request, sizeof request,
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
             "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
             "Sec-WebSocket-Version: 13\r\n\r\n",
             arguments[2], port);
    epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(epoll, EPOLL_CTL_ADD, 0, &event);
    for (;;) {
        struct epoll_event events[512];
        int ready = epoll_wait(epoll, events, 512, -1);
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!client)
                commands();
            else if (client->state == CONNECTING)
                connected(client);
            else if (client->state != GONE)
                readable(client);
        }
    }
}
