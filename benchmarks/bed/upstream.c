/* An upstream that answers at once: OpenAI chat over HTTP/1.1, one thread, epoll.
 *
 *   upstream PORT
 *
 * POST anything: a whole reply, or, when the body says "stream":true, fifty chunks written in one
 * go, with the usage as one more event when the body asks for it. GET /counts tells how many
 * requests came; any other GET gets a small JSON object, so that health checks pass.
 * All replies are made once, at the start: a request costs a read, a few searches and a write.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CHUNKS = 50, EVENTS = 256, LARGEST_REQUEST = 1 << 26 };

struct reply {
    char *bytes;
    size_t size;
};

struct connection {
    int fd;
    char *in; /* what was received and not answered yet, with a NUL after it */
    size_t received, room;
    const struct reply *out; /* the reply being written, or NULL */
    size_t written;
    struct reply counts; /* the one reply that is made afresh */
};

static struct reply whole, stream, stream_with_usage, small;
static unsigned long wholes, streams;
static int poller;

static void append(struct reply *reply, const char *bytes, size_t size) {
    reply->bytes = realloc(reply->bytes, reply->size + size + 1);
    memcpy(reply->bytes + reply->size, bytes, size);
    reply->size += size;
    reply->bytes[reply->size] = 0;
}

static void append_text(struct reply *reply, const char *text) {
    append(reply, text, strlen(text));
}

static void append_chunk(struct reply *reply, const char *text) {
    char line[32];
    append(reply, line, (size_t)snprintf(line, sizeof line, "%zx\r\n", strlen(text)));
    append_text(reply, text);
    append_text(reply, "\r\n");
}

static void make_json(struct reply *reply, const char *body) {
    char head[128];
    reply->size = 0;
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        strlen(body));
    append(reply, head, (size_t)size);
    append_text(reply, body);
}

static void make_event(struct reply *reply, const char *choices, const char *more) {
    char event[1024];
    snprintf(event, sizeof event,
             "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\","
             "\"created\":1760000000,\"model\":\"bench-model\",\"system_fingerprint\":\"fp_bench\","
             "\"choices\":[%s]%s}\n\n",
             choices, more);
    append_chunk(reply, event);
}

static void make_stream(struct reply *reply, int with_usage) {
    const char *no_usage = with_usage ? ",\"usage\":null" : "";
    append_text(reply, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                       "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < CHUNKS; i++) {
        char choice[256];
        snprintf(choice, sizeof choice,
                 "{\"index\":0,\"delta\":{%s\"content\":\"word%02d \"},\"logprobs\":null,"
                 "\"finish_reason\":%s}",
                 i ? "" : "\"role\":\"assistant\",", i, i == CHUNKS - 1 ? "\"stop\"" : "null");
        make_event(reply, choice, no_usage);
    }
    if (with_usage)
        make_event(reply, "",
                   ",\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":50,"
                   "\"total_tokens\":300}");
    append_chunk(reply, "data: [DONE]\n\n");
    append_text(reply, "0\r\n\r\n");
}

static void make_replies(void) {
    make_json(&whole,
              "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1760000000,"
              "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
              "\"assistant\",\"content\":\"A bounded queue makes the producer wait instead of "
              "growing until the process is killed. Alert on its age, not on its length.\","
              "\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
              "\"usage\":{\"prompt_tokens\":250,\"completion_tokens\":31,\"total_tokens\":281,"
              "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
              "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}},"
              "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\"}");
    make_json(&small, "{\"status\":\"ok\",\"object\":\"list\",\"model_path\":\"bench-model\","
                      "\"data\":[{\"id\":\"bench-model\",\"object\":\"model\",\"created\":1,"
                      "\"owned_by\":\"bench\"}]}");
    make_stream(&stream, 0);
    make_stream(&stream_with_usage, 1);
}

static void forget(struct connection *c) {
    close(c->fd);
    free(c->in);
    free(c->counts.bytes);
    free(c);
}

/* Writes what is left of the reply; -1 when the connection is broken. */
static int write_on(struct connection *c) {
    while (c->written < c->out->size) {
        ssize_t n =
            send(c->fd, c->out->bytes + c->written, c->out->size - c->written, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno != EAGAIN)
                return -1;
            struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
            epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &wanted);
            return 0;
        }
        c->written += (size_t)n;
    }
    c->out = NULL;
    return 0;
}

/* The size of the body that follows the head: -1 when it is not all there yet. */
static long body_size(struct connection *c, char *head_end) {
    char *body = head_end + 4;
    size_t arrived = c->received - (size_t)(body - c->in);
    char saved = *head_end;
    *head_end = 0;
    char *length = strcasestr(c->in, "\r\ncontent-length:");
    int chunked = strcasestr(c->in, "\r\ntransfer-encoding: chunked") != NULL;
    long size = length ? atol(length + 17) : 0;
    *head_end = saved;
    if (chunked) {
        char *last = arrived >= 5 ? memmem(body, arrived, "0\r\n\r\n", 5) : NULL;
        return last ? last + 5 - body : -1;
    }
    return arrived >= (size_t)size ? size : -1;
}

static const struct reply *choose(struct connection *c, const char *body, long size) {
    if (c->in[0] != 'P') {
        if (strncmp(c->in, "GET /counts", 11) != 0)
            return &small;
        char text[96];
        snprintf(text, sizeof text, "{\"wholes\":%lu,\"streams\":%lu}", wholes, streams);
        make_json(&c->counts, text);
        return &c->counts;
    }
    int streamed = memmem(body, (size_t)size, "\"stream\":true", 13) != NULL ||
                   memmem(body, (size_t)size, "\"stream\": true", 14) != NULL;
    if (!streamed) {
        wholes++;
        return &whole;
    }
    streams++;
    return memmem(body, (size_t)size, "\"include_usage\"", 15) ? &stream_with_usage : &stream;
}

/* Answers the requests that are complete; -1 when the connection is broken. */
static int answer(struct connection *c) {
    while (c->out == NULL && c->received > 0) {
        char *head_end = memmem(c->in, c->received, "\r\n\r\n", 4);
        if (!head_end)
            return 0;
        long size = body_size(c, head_end);
        if (size < 0)
            return 0;
        char *end = head_end + 4 + size;
        c->out = choose(c, head_end + 4, size);
        c->written = 0;
        c->received -= (size_t)(end - c->in);
        memmove(c->in, end, c->received + 1);
        if (write_on(c) < 0)
            return -1;
    }
    return 0;
}

static int read_on(struct connection *c) {
    for (;;) {
        if (c->room - c->received < 4096) {
            if (c->room >= LARGEST_REQUEST)
                return -1;
            c->room = c->room ? c->room * 2 : 16384;
            c->in = realloc(c->in, c->room + 1);
        }
        ssize_t n = recv(c->fd, c->in + c->received, c->room - c->received, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return -1;
        if (n < 0)
            return 0;
        c->received += (size_t)n;
        c->in[c->received] = 0;
        if (c->received < c->room)
            return 0;
    }
}

static void serve(struct connection *c, unsigned events) {
    if (events & EPOLLOUT && c->out) {
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &wanted);
        if (write_on(c) < 0) {
            forget(c);
            return;
        }
    }
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && read_on(c) < 0) {
        forget(c);
        return;
    }
    if (answer(c) < 0)
        forget(c);
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        c->fd = fd;
        struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &wanted);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: upstream PORT\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    make_replies();
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in here = {.sin_family = AF_INET,
                               .sin_port = htons((unsigned short)atoi(argv[1])),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 4096)) {
        perror("upstream");
        return 1;
    }
    poller = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(poller, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                serve(events[i].data.ptr, events[i].events);
            else
                accept_all(listener);
        }
    }
}
