// A fake LLM provider that is never the bottleneck: one thread, epoll, HTTP/1.1 keep-alive, loopback only.
//
//     upstream PORT FIXTURES [chunks=200] [delay_us=0]
//
// Speaks all four wires, by the path. Streams when the body has "stream":true or the path :streamGenerateContent.
// A model named fake-nN-dD asks for N chunks, D microseconds between them.
// delay 0: the whole stream in one burst, each event in an HTTP chunk of its own. Otherwise paced by a 1 ms tick, and
// each delta carries @<CLOCK_MONOTONIC microseconds>@, from which the load generator computes what a gateway added.
//
// FIXTURES/<wire>.json is the unary reply. FIXTURES/<wire>.ev holds the events of a stream, each ended by NUL, in three
// sections split by 0x01: before the deltas, the delta, after them.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHAT, MESSAGES, RESPONSES, GOOGLE, WIRES };
enum { MAX_EVENTS = 16, MAX_CONNECTIONS = 65536, READ_SIZE = 65536, FIXTURE_SIZE = 1 << 20, FRAME_SIZE = 4096 };
static const char *const WIRE_NAMES[WIRES] = {"chat", "messages", "responses", "google"};
static const char STAMP[] = "@0000000000000@";
static const char END_OF_CHUNKS[] = "0\r\n\r\n";
static const char STREAM_HEAD[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                                  "Transfer-Encoding: chunked\r\n\r\n";
static const char MODELS[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 96\r\n\r\n"
    "{\"object\":\"list\",\"data\":[{\"id\":\"fake\",\"object\":\"model\",\"created\":1700000000,"
    "\"owned_by\":\"fake\"}]}";

typedef struct {
    char *at;
    size_t size;
} Bytes;

typedef struct {
    Bytes before[MAX_EVENTS], after[MAX_EVENTS], delta; // framed as HTTP chunks
    int before_count, after_count;
    Bytes unary; // head and body
    Bytes burst; // a whole stream of burst_chunks deltas
    int burst_chunks;
} Wire;

typedef struct {
    int fd;
    char *in;
    size_t in_size, in_capacity;
    Bytes out; // what is still to be sent
    int waits_to_write;
    // a paced stream
    int paced, wire, frame, chunks;
    long delay_us;
    long long due_us;
    char scratch[FRAME_SIZE];
} Connection;

static Wire wires[WIRES];
static Connection *connections[MAX_CONNECTIONS];
static int highest_fd, epoll_fd;
static int default_chunks = 200;
static long default_delay_us = 0;

static long long now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void stamp(char *event, size_t size, long long value) {
    char *at = memmem(event, size, STAMP, sizeof STAMP - 1), digits[24];
    if (!at)
        return;
    snprintf(digits, sizeof digits, "%013lld", value);
    memcpy(at + 1, digits, 13);
}

// ---- fixtures

static Bytes read_fixture(const char *folder, const char *name, const char *ending) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s", folder, name, ending);
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    Bytes content = {malloc(FIXTURE_SIZE), 0};
    content.size = fread(content.at, 1, FIXTURE_SIZE, file);
    fclose(file);
    return content;
}

static Bytes http_chunk(const char *data, size_t size) {
    Bytes chunk = {malloc(size + 32), 0};
    int head = sprintf(chunk.at, "%zx\r\n", size);
    memcpy(chunk.at + head, data, size);
    memcpy(chunk.at + head + size, "\r\n", 2);
    chunk.size = head + size + 2;
    return chunk;
}

static void load_wire(Wire *wire, const char *folder, const char *name) {
    Bytes events = read_fixture(folder, name, ".ev");
    int section = 0;
    for (char *at = events.at, *end = events.at + events.size; at < end;) {
        if (*at == 1) {
            section++;
            at++;
            continue;
        }
        size_t size = strlen(at);
        Bytes chunk = http_chunk(at, size);
        if (section == 0)
            wire->before[wire->before_count++] = chunk;
        else if (section == 1)
            wire->delta = chunk;
        else
            wire->after[wire->after_count++] = chunk;
        at += size + 1;
    }
    Bytes body = read_fixture(folder, name, ".json");
    wire->unary.at = malloc(body.size + 256);
    int head = sprintf(wire->unary.at,
                       "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n", body.size);
    memcpy(wire->unary.at + head, body.at, body.size);
    wire->unary.size = head + body.size;
    wire->burst_chunks = -1;
}

static void make_burst(Wire *wire, int chunks) {
    if (wire->burst_chunks == chunks)
        return;
    size_t size = sizeof STREAM_HEAD + sizeof END_OF_CHUNKS + chunks * wire->delta.size;
    for (int i = 0; i < wire->before_count; i++)
        size += wire->before[i].size;
    for (int i = 0; i < wire->after_count; i++)
        size += wire->after[i].size;
    char *start = malloc(size), *at = start; // the old burst stays: connections may still be sending it
    at = mempcpy(at, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    for (int i = 0; i < wire->before_count; i++)
        at = mempcpy(at, wire->before[i].at, wire->before[i].size);
    for (int i = 0; i < chunks; i++) {
        at = mempcpy(at, wire->delta.at, wire->delta.size);
        stamp(at - wire->delta.size, wire->delta.size, i);
    }
    for (int i = 0; i < wire->after_count; i++)
        at = mempcpy(at, wire->after[i].at, wire->after[i].size);
    at = mempcpy(at, END_OF_CHUNKS, sizeof END_OF_CHUNKS - 1);
    wire->burst = (Bytes){start, at - start};
    wire->burst_chunks = chunks;
}

// ---- connections: functions give -1 when the connection is gone

static void forget(Connection *c) {
    connections[c->fd] = NULL;
    close(c->fd);
    free(c->in);
    free(c);
}

static void wait_to_write(Connection *c, int wanted) {
    if (c->waits_to_write == wanted)
        return;
    c->waits_to_write = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.fd = c->fd};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static int flush(Connection *c) {
    while (c->out.size) {
        ssize_t sent = send(c->fd, c->out.at, c->out.size, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN)
                return -1;
            wait_to_write(c, 1);
            return 0;
        }
        c->out.at += sent;
        c->out.size -= sent;
    }
    wait_to_write(c, 0);
    return 0;
}

// Sends the next delta of a paced stream; what comes before the first goes with it, and so does what comes after the
// last.
static int send_paced(Connection *c) {
    Wire *wire = &wires[c->wire];
    size_t used = 0;
    if (c->frame == 0)
        used = (char *)mempcpy(c->scratch, STREAM_HEAD, sizeof STREAM_HEAD - 1) - c->scratch;
    for (int sent_delta = 0;;) {
        int delta = c->frame - wire->before_count, after = delta - c->chunks;
        if (after >= wire->after_count) {
            used = (char *)mempcpy(c->scratch + used, END_OF_CHUNKS, sizeof END_OF_CHUNKS - 1) - c->scratch;
            c->paced = 0;
            break;
        }
        int is_delta = delta >= 0 && after < 0;
        if (is_delta && sent_delta)
            break;
        Bytes frame = delta < 0 ? wire->before[c->frame] : is_delta ? wire->delta : wire->after[after];
        if (used + frame.size + sizeof END_OF_CHUNKS > sizeof c->scratch)
            break;
        memcpy(c->scratch + used, frame.at, frame.size);
        if (is_delta)
            stamp(c->scratch + used, frame.size, now_us());
        sent_delta |= is_delta;
        used += frame.size;
        c->frame++;
    }
    c->out = (Bytes){c->scratch, used};
    return flush(c);
}

// Answers the first request of the buffer: 1 done, 0 more of it must come.
static int answer(Connection *c) {
    char *end_of_head = memmem(c->in, c->in_size, "\r\n\r\n", 4);
    if (!end_of_head)
        return 0;
    size_t head_size = end_of_head - c->in + 4, body_size = 0, request_size = head_size;
    char *body = c->in + head_size;
    end_of_head[3] = 0;
    char *length = strcasestr(c->in, "\ncontent-length:"), *chunked = strcasestr(c->in, "\ntransfer-encoding: chunked");
    end_of_head[3] = '\n';
    if (length) {
        body_size = strtoul(length + strlen("\ncontent-length:"), NULL, 10);
        request_size += body_size;
        if (c->in_size < request_size)
            return 0;
    } else if (chunked) {
        int empty = c->in_size - head_size >= 5 && memcmp(body, END_OF_CHUNKS, 5) == 0;
        char *last = empty ? body : memmem(body, c->in_size - head_size, "\r\n0\r\n\r\n", 7);
        if (!last)
            return 0;
        body_size = last - body;
        request_size += body_size + (empty ? 5 : 7);
    }

    size_t line = (char *)memchr(c->in, '\r', head_size) - c->in;
    int wire = memmem(c->in, line, "/messages", 9)         ? MESSAGES
               : memmem(c->in, line, "/responses", 10)     ? RESPONSES
               : memmem(c->in, line, "enerateContent", 14) ? GOOGLE
                                                           : CHAT;
    int stream = wire == GOOGLE ? memmem(c->in, line, ":streamG", 8) != NULL
                                : memmem(body, body_size, "\"stream\":true", 13) ||
                                      memmem(body, body_size, "\"stream\": true", 14);
    if (wire == CHAT && memmem(c->in, line, "/models", 7)) {
        c->out = (Bytes){(char *)MODELS, sizeof MODELS - 1};
    } else if (!stream) {
        c->out = wires[wire].unary;
    } else {
        c->chunks = default_chunks;
        c->delay_us = default_delay_us;
        char *asked = memmem(c->in, request_size, "fake-n", 6);
        if (asked) {
            c->chunks = strtol(asked + 6, &asked, 10);
            if (asked[0] == '-' && asked[1] == 'd')
                c->delay_us = strtol(asked + 2, NULL, 10);
        }
        c->wire = wire;
        if (c->delay_us == 0) {
            make_burst(&wires[wire], c->chunks);
            c->out = wires[wire].burst;
        } else {
            c->frame = 0;
            c->paced = 1;
            c->due_us = now_us() + c->delay_us;
        }
    }
    memmove(c->in, c->in + request_size, c->in_size - request_size);
    c->in_size -= request_size;
    return (c->paced ? send_paced(c) : flush(c)) < 0 ? -1 : 1;
}

static int receive(Connection *c) {
    for (;;) {
        if (c->in_size + READ_SIZE > c->in_capacity) {
            c->in_capacity = c->in_capacity * 2 + READ_SIZE;
            c->in = realloc(c->in, c->in_capacity + 1);
        }
        ssize_t got = recv(c->fd, c->in + c->in_size, READ_SIZE, 0);
        if (got < 0 && errno == EAGAIN)
            break;
        if (got <= 0)
            return -1;
        c->in_size += got;
        if (got < READ_SIZE)
            break;
    }
    int done = 1;
    while (done == 1 && c->in_size && !c->paced && !c->out.size)
        done = answer(c);
    return done < 0 ? -1 : 0;
}

static void accept_all(int listener) {
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[fd] = calloc(1, sizeof(Connection));
        connections[fd]->fd = fd;
        if (fd > highest_fd)
            highest_fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

// Sends what is due of the paced streams; tells whether there are any.
static int tick(void) {
    int any = 0;
    long long now = now_us();
    for (int fd = 0; fd <= highest_fd; fd++) {
        Connection *c = connections[fd];
        if (!c || !c->paced)
            continue;
        any = 1;
        while (c->paced && c->due_us <= now && !c->out.size) {
            c->due_us += c->delay_us;
            if (send_paced(c) < 0) {
                forget(c);
                break;
            }
        }
    }
    return any;
}

int main(int count, char **arguments) {
    if (count < 3) {
        fprintf(stderr, "usage: upstream PORT FIXTURES [chunks] [delay_us]\n");
        return 2;
    }
    for (int wire = 0; wire < WIRES; wire++)
        load_wire(&wires[wire], arguments[2], WIRE_NAMES[wire]);
    if (count > 3)
        default_chunks = atoi(arguments[3]);
    if (count > 4)
        default_delay_us = atol(arguments[4]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("bind");
        return 1;
    }
    epoll_fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[512];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (int paced = 0;;) {
        int ready = epoll_wait(epoll_fd, events, 512, paced ? 1 : -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) {
                accept_all(listener);
                continue;
            }
            Connection *c = connections[events[i].data.fd];
            if (!c)
                continue;
            int alive = events[i].events & EPOLLOUT ? flush(c) : 0;
            if (alive == 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                alive = receive(c);
            if (alive < 0)
                forget(c);
        }
        paced = tick();
    }
}
