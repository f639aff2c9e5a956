/* A load generator: keep-alive POSTs over many connections, each asking again when it is answered.
 *
 *   load PORT PATH BODY_FILE CONNECTIONS WARM_UP SECONDS REQUESTS RATE [HEADER ...]
 *
 * With a RATE, so many requests a second are due, evenly spaced, whether or not those before are
 * answered; each latency counts from the moment at which the request was due.
 * Ends SECONDS after the WARM_UP, or after REQUESTS answers when REQUESTS is not 0. What is answered
 * in the warm-up counts as `all` only. One thread, epoll.
 * An answer counts when its status is 200, it is complete, and, if it is an event stream, its last
 * bytes hold [DONE]. Prints one JSON object: counts, and latencies in microseconds from the first
 * byte sent to the last byte received (`first_*`: to the first byte of the body).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_ROOM = 16384, TAIL = 32, EVENTS = 256, GIVE_UP_AFTER = 2000 };

enum part { HEAD, COUNTED, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER, TO_CLOSE };

struct connection {
    int fd;
    enum part part;
    uint64_t asked, first; /* nanoseconds; `first` is 0 until the body begins */
    size_t sent;
    char head[HEAD_ROOM];
    size_t head_size;
    int status, closes, is_stream;
    long left; /* bytes of the body or of the chunk that are still to come */
    int size_done, line_empty;
    char tail[TAIL]; /* the body's last bytes */
    size_t tail_size;
};

struct samples {
    uint32_t *values;
    size_t size, room;
};

static struct sockaddr_in target;
static char *request;
static size_t request_size;
static int poller;
static struct samples latencies, first_bytes;
static unsigned long all, good, refused, broken;
static int warm; /* the warm-up is over */
static uint64_t received_bytes;
static uint64_t interval, due; /* nanoseconds between two requests, and when the next is due */
static struct connection **idle;
static size_t idle_count;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void sample(struct samples *samples, uint64_t nanoseconds) {
    if (samples->size == samples->room) {
        samples->room = samples->room ? samples->room * 2 : 65536;
        samples->values = realloc(samples->values, samples->room * sizeof *samples->values);
    }
    uint64_t tenths = nanoseconds / 100; /* of a microsecond */
    samples->values[samples->size++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static int ascending(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static double quantile(const struct samples *samples, double q) {
    if (!samples->size)
        return 0;
    size_t place = (size_t)(q * (double)samples->size);
    if (place >= samples->size)
        place = samples->size - 1;
    return samples->values[place] / 10.0;
}

static void watch(struct connection *c, int operation, unsigned events) {
    struct epoll_event wanted = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &wanted);
}

static void give_up_if_hopeless(void) {
    if (broken + refused > GIVE_UP_AFTER && all == 0) {
        fprintf(stderr, "load: nothing but failures\n");
        exit(3);
    }
}

static void dial(struct connection *c) {
    int on = 1;
    if (c->fd > 0)
        close(c->fd);
    for (;;) {
        c->fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->fd, (struct sockaddr *)&target, sizeof target) == 0)
            break;
        close(c->fd);
        broken++;
        give_up_if_hopeless();
        usleep(1000);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

/* Sends what is left of the request; 0 when the connection is broken. */
static int send_on(struct connection *c) {
    while (c->sent < request_size) {
        ssize_t n = send(c->fd, request + c->sent, request_size - c->sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0) {
            if (errno != EAGAIN)
                return 0;
            watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            return 1;
        }
        c->sent += (size_t)n;
    }
    return 1;
}

static void ask_as_of(struct connection *c, uint64_t asked) {
    do {
        c->part = HEAD;
        c->sent = c->head_size = c->tail_size = 0;
        c->closes = c->is_stream = 0;
        c->first = 0;
        c->asked = asked;
        if (send_on(c))
            return;
        broken++;
        give_up_if_hopeless();
        dial(c);
    } while (1);
}

static void ask(struct connection *c) {
    if (interval)
        idle[idle_count++] = c;
    else
        ask_as_of(c, now());
}

static void ask_what_is_due(uint64_t t) {
    for (; interval && idle_count && due <= t; due += interval)
        ask_as_of(idle[--idle_count], due);
}

static struct timespec until(uint64_t t, uint64_t end) {
    uint64_t then = interval && idle_count && due < end ? due : end;
    uint64_t left = then > t ? then - t : 0;
    return (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
}

static void answered(struct connection *c) {
    uint64_t end = now();
    int whole = !c->is_stream || memmem(c->tail, c->tail_size, "[DONE]", 6);
    if (c->status == 200 && whole) {
        all++;
        if (warm) {
            good++;
            sample(&latencies, end - c->asked);
            sample(&first_bytes, c->first - c->asked);
        }
    } else {
        refused++;
        give_up_if_hopeless();
    }
    if (c->closes)
        dial(c);
    ask(c);
}

static void lost(struct connection *c) {
    if (c->part == TO_CLOSE) {
        c->closes = 1;
        answered(c);
        return;
    }
    broken++;
    give_up_if_hopeless();
    dial(c);
    ask(c);
}

static void keep_tail(struct connection *c, const char *bytes, size_t size) {
    if (size >= TAIL) {
        memcpy(c->tail, bytes + size - TAIL, TAIL);
        c->tail_size = TAIL;
        return;
    }
    size_t kept = c->tail_size + size > TAIL ? TAIL - size : c->tail_size;
    memmove(c->tail, c->tail + c->tail_size - kept, kept);
    memcpy(c->tail + kept, bytes, size);
    c->tail_size = kept + size;
}

static void read_head(struct connection *c) {
    c->head[c->head_size] = 0;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->status = atoi(c->head + 9);
    c->is_stream = strcasestr(c->head, "\r\ncontent-type: text/event-stream") != NULL;
    c->closes = strcasestr(c->head, "\r\nconnection: close") != NULL;
    if (strcasestr(c->head, "\r\ntransfer-encoding: chunked")) {
        c->part = CHUNK_SIZE;
        c->left = c->size_done = 0;
    } else if (length) {
        c->part = COUNTED;
        c->left = atol(length + 17);
    } else {
        c->part = TO_CLOSE;
    }
}

/* Takes bytes of the head; how many it used, or -1 when the head is too large. */
static ssize_t take_head(struct connection *c, const char *bytes, size_t size) {
    size_t before = c->head_size, room = HEAD_ROOM - 1 - before;
    size_t copied = size < room ? size : room;
    memcpy(c->head + before, bytes, copied);
    c->head_size += copied;
    char *end = memmem(c->head, c->head_size, "\r\n\r\n", 4);
    if (!end)
        return copied < size ? -1 : (ssize_t)copied;
    c->head_size = (size_t)(end + 4 - c->head);
    read_head(c);
    return (ssize_t)(c->head_size - before);
}

static size_t take_data(struct connection *c, const char *bytes, size_t size) {
    size_t used = c->part == TO_CLOSE || size < (size_t)c->left ? size : (size_t)c->left;
    if (!c->first)
        c->first = now();
    keep_tail(c, bytes, used);
    c->left -= (long)used;
    return used;
}

static void take_size_digit(struct connection *c, char ch) {
    int digit = ch >= '0' && ch <= '9' ? ch - '0' : (ch | 32) - 'a' + 10;
    if (ch == '\n') {
        c->part = c->left ? CHUNK_DATA : TRAILER;
        c->line_empty = 1;
    } else if (ch == ';') {
        c->size_done = 1; /* an extension follows, of no interest */
    } else if (ch != '\r' && !c->size_done) {
        c->left = c->left * 16 + digit;
    }
}

/* Takes one byte of the lines between chunks; 1 when it ends the answer. */
static int take_framing(struct connection *c, char ch) {
    if (c->part == CHUNK_SIZE) {
        take_size_digit(c, ch);
    } else if (c->part == CHUNK_END) {
        if (ch == '\n') {
            c->part = CHUNK_SIZE;
            c->left = c->size_done = 0;
        }
    } else if (ch == '\n') {
        if (c->line_empty)
            return 1;
        c->line_empty = 1;
    } else if (ch != '\r') {
        c->line_empty = 0;
    }
    return 0;
}

/* Parses what arrived; 1 when the answer is complete, -1 when it cannot be read. */
static int parse(struct connection *c, const char *bytes, size_t size) {
    size_t at = 0;
    while (at < size) {
        if (c->part == HEAD) {
            ssize_t used = take_head(c, bytes + at, size - at);
            if (used < 0)
                return -1;
            at += (size_t)used;
            if (c->part == COUNTED && c->left == 0)
                return 1;
        } else if (c->part == COUNTED || c->part == CHUNK_DATA || c->part == TO_CLOSE) {
            at += take_data(c, bytes + at, size - at);
            if (c->part == COUNTED && c->left == 0)
                return 1;
            if (c->part == CHUNK_DATA && c->left == 0)
                c->part = CHUNK_END;
        } else if (take_framing(c, bytes[at++])) {
            return 1;
        }
    }
    return 0;
}

static void receive(struct connection *c) {
    static char buffer[1 << 16];
    for (;;) {
        ssize_t n = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            lost(c);
            return;
        }
        received_bytes += (uint64_t)n;
        int state = parse(c, buffer, (size_t)n);
        if (state < 0) {
            c->part = HEAD;
            lost(c);
            return;
        }
        if (state > 0)
            answered(c);
        if (state > 0 || (size_t)n < sizeof buffer)
            return;
    }
}

static void handle(struct connection *c, unsigned events) {
    if (events & EPOLLOUT && c->sent < request_size) {
        watch(c, EPOLL_CTL_MOD, EPOLLIN);
        if (!send_on(c)) {
            lost(c);
            return;
        }
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive(c);
}

static void make_request(int port, const char *path, const char *file, char **headers, int count) {
    FILE *opened = fopen(file, "rb");
    if (!opened) {
        perror(file);
        exit(2);
    }
    char *body = NULL;
    size_t room = 0;
    ssize_t size = getdelim(&body, &room, EOF, opened); /* 0xFF is in no UTF-8 text: the whole file */
    fclose(opened);
    if (size < 0)
        size = 0;
    request = malloc((size_t)size + 65536);
    request_size = (size_t)sprintf(request,
                                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                                   "Content-Type: application/json\r\nContent-Length: %zd\r\n",
                                   path, port, size);
    for (int i = 0; i < count; i++)
        request_size += (size_t)sprintf(request + request_size, "%s\r\n", headers[i]);
    request_size += (size_t)sprintf(request + request_size, "\r\n");
    memcpy(request + request_size, body, (size_t)size);
    request_size += (size_t)size;
    free(body);
}

static void print_result(double seconds) {
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                 (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
    qsort(latencies.values, latencies.size, sizeof *latencies.values, ascending);
    qsort(first_bytes.values, first_bytes.size, sizeof *first_bytes.values, ascending);
    printf("{\"all\":%lu,\"good\":%lu,\"refused\":%lu,\"broken\":%lu,\"seconds\":%.4f,\"rate\":%.1f,"
           "\"p50\":%.1f,\"p99\":%.1f,\"first_p50\":%.1f,\"first_p99\":%.1f,"
           "\"bytes\":%llu,\"cpu\":%.3f}\n",
           all, good, refused, broken, seconds, (double)good / seconds, quantile(&latencies, .5),
           quantile(&latencies, .99), quantile(&first_bytes, .5), quantile(&first_bytes, .99),
           (unsigned long long)received_bytes, cpu);
}

int main(int argc, char **argv) {
    if (argc < 9) {
        fprintf(stderr, "usage: load PORT PATH BODY_FILE CONNECTIONS WARM_UP SECONDS REQUESTS RATE "
                        "[HEADER ...]\n");
        return 2;
    }
    int port = atoi(argv[1]), count = atoi(argv[4]);
    uint64_t warm_up = (uint64_t)(atof(argv[5]) * 1e9), limit = (uint64_t)(atof(argv[6]) * 1e9);
    unsigned long enough = strtoul(argv[7], NULL, 10);
    double rate = atof(argv[8]);
    interval = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
    signal(SIGPIPE, SIG_IGN);
    make_request(port, argv[2], argv[3], argv + 9, argc - 9);
    target.sin_family = AF_INET;
    target.sin_port = htons((unsigned short)port);
    target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    poller = epoll_create1(0);
    struct connection *connections = calloc((size_t)count, sizeof *connections);
    idle = calloc((size_t)count, sizeof *idle);
    for (int i = 0; i < count; i++)
        dial(&connections[i]);
    due = now();
    uint64_t begun = now(), end = begun + warm_up + limit, t;
    for (int i = 0; i < count; i++)
        ask(&connections[i]);
    while ((t = now()) < end && (!enough || good < enough)) {
        if (!warm && t >= begun + warm_up) {
            warm = 1;
            begun = t;
        }
        ask_what_is_due(t);
        struct epoll_event events[EVENTS];
        struct timespec pause = until(t, end);
        int n = epoll_pwait2(poller, events, EVENTS, &pause, NULL);
        for (int i = 0; i < n; i++)
            handle(events[i].data.ptr, events[i].events);
    }
    print_result((double)(now() - begun) / 1e9);
    return 0;
}
