// A load generator: closed loop, one thread, epoll.
//
//     load HOST PORT CONNECTIONS SECONDS REQUEST_FILE
//
// REQUEST_FILE holds a whole HTTP request. Prints one JSON line: requests, errors, latency and time to the first event
// in microseconds, events, and for streams with stamps (@microseconds@) what was added to each chunk on its way.
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

enum { HEAD_SIZE = 8192, REQUEST_SIZE = 8 << 20, READ_SIZE = 1 << 18, STAMP_DIGITS = 13, GRACE_S = 5, LOST = 599 };
enum { IN_SIZE_LINE, IN_CHUNK, BEHIND_CHUNK, IN_LAST };

typedef struct {
    int fd;
    // the head
    int in_body, status, chunked, closes;
    char head[HEAD_SIZE];
    size_t head_size;
    // the body
    long left;
    int chunk_state;
    char size_line[24];
    int size_line_size;
    // events within the body
    int matched; // characters of "data:" at the line's start; -1: this line is another
    int events;
    char stamp[STAMP_DIGITS + 1];
    int stamp_size; // -1: not within a stamp
    long long started_ns, first_event_ns;
} Connection;

typedef struct {
    double *values;
    size_t count, capacity;
} Series;

static Series latency, first_event, added;
static long long ok, errors, events, bytes;
static long statuses[600];
static struct sockaddr_in server;
static int epoll_fd;
static char *request, bad_body[500];
static size_t request_size;

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void note(Series *series, double value) {
    if (series->count == series->capacity) {
        series->capacity = series->capacity ? series->capacity * 2 : 4096;
        series->values = realloc(series->values, series->capacity * sizeof(double));
    }
    series->values[series->count++] = value;
}

static void fail(int status) {
    errors++;
    if (status > 0 && status < 600)
        statuses[status]++;
}

static void dial(Connection *c) {
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server)) {
        perror("connect");
        exit(2);
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

static void ask(Connection *c) {
    int fd = c->fd;
    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->left = -1;
    c->stamp_size = -1;
    c->started_ns = now_ns();
    for (size_t sent = 0; sent < request_size;) {
        ssize_t now = send(fd, request + sent, request_size - sent, MSG_NOSIGNAL);
        if (now <= 0)
            return; // the end of the connection is seen when it is read
        sent += now;
    }
}

static void finished(Connection *c) {
    events += c->events;
    if (c->status != 200) {
        fail(c->status);
        return;
    }
    ok++;
    note(&latency, (now_ns() - c->started_ns) / 1e3);
    if (c->first_event_ns)
        note(&first_event, (c->first_event_ns - c->started_ns) / 1e3);
}

static void read_stamp(Connection *c, char character, long long now) {
    if (c->stamp_size >= 0 && c->stamp_size < STAMP_DIGITS && character >= '0' && character <= '9') {
        c->stamp[c->stamp_size++] = character;
        return;
    }
    if (c->stamp_size == STAMP_DIGITS && character == '@') {
        long long sent_us = atoll(c->stamp);
        if (sent_us > 10000000) // a burst carries numbers instead of times
            note(&added, now / 1e3 - sent_us);
    }
    c->stamp_size = character == '@' ? 0 : -1;
}

static void read_body(Connection *c, const char *data, size_t size, long long now) {
    static const char field[] = "data:";
    bytes += size;
    if (c->status != 200)
        snprintf(bad_body, sizeof bad_body, "%.*s", (int)size, data);
    for (size_t i = 0; i < size; i++) {
        if (data[i] == '\n') {
            c->matched = 0;
        } else if (c->matched >= 0) {
            c->matched = data[i] == field[c->matched] ? c->matched + 1 : -1;
            if (c->matched == sizeof field - 1) {
                c->matched = -1;
                c->events++;
                if (!c->first_event_ns)
                    c->first_event_ns = now;
            }
        }
        read_stamp(c, data[i], now);
    }
}

// Takes the head off the data; gives how much of it that was.
static size_t read_head(Connection *c, const char *data, size_t size) {
    for (size_t i = 0; i < size && c->head_size < HEAD_SIZE - 1; i++) {
        c->head[c->head_size++] = data[i];
        if (c->head_size < 4 || memcmp(c->head + c->head_size - 4, "\r\n\r\n", 4))
            continue;
        char *length = strcasestr(c->head, "\ncontent-length:");
        c->status = atoi(c->head + strlen("HTTP/1.1 "));
        c->left = length ? atol(length + strlen("\ncontent-length:")) : -1;
        c->chunked = strcasestr(c->head, "\ntransfer-encoding: chunked") != NULL;
        c->closes = strcasestr(c->head, "\nconnection: close") != NULL;
        c->in_body = 1;
        return i + 1;
    }
    return size;
}

// Gives 1 when the last chunk has come.
static int read_chunks(Connection *c, const char *data, size_t size, long long now) {
    for (size_t i = 0; i < size;) {
        if (c->chunk_state == IN_CHUNK) {
            size_t here = size - i < (size_t)c->left ? size - i : (size_t)c->left;
            read_body(c, data + i, here, now);
            i += here;
            c->left -= here;
            if (!c->left)
                c->chunk_state = BEHIND_CHUNK;
            continue;
        }
        char character = data[i++];
        if (c->chunk_state == IN_SIZE_LINE && character != '\n') {
            if (c->size_line_size < (int)sizeof c->size_line - 1)
                c->size_line[c->size_line_size++] = character;
        } else if (c->chunk_state == IN_SIZE_LINE) {
            c->size_line[c->size_line_size] = 0;
            c->size_line_size = 0;
            c->left = strtol(c->size_line, NULL, 16);
            c->chunk_state = c->left ? IN_CHUNK : IN_LAST;
        } else if (character == '\n') {
            if (c->chunk_state == IN_LAST)
                return 1;
            c->chunk_state = IN_SIZE_LINE;
        }
    }
    return 0;
}

// Gives 1 when the response is complete.
static int read_response(Connection *c, const char *data, size_t size, long long now) {
    if (!c->in_body) {
        size_t head = read_head(c, data, size);
        data += head;
        size -= head;
        if (!c->in_body)
            return 0;
    }
    if (c->chunked)
        return read_chunks(c, data, size, now);
    read_body(c, data, size, now);
    if (c->left < 0) // until the server closes
        return 0;
    c->left -= size;
    return c->left <= 0;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_series(const char *name, Series *series) {
    if (!series->count)
        return;
    qsort(series->values, series->count, sizeof(double), ascending);
    double sum = 0;
    for (size_t i = 0; i < series->count; i++)
        sum += series->values[i];
    printf(",\"%s_p50\":%.1f,\"%s_p99\":%.1f,\"%s_mean\":%.1f", name, series->values[series->count / 2], name,
           series->values[(size_t)(series->count * .99)], name, sum / series->count);
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: load HOST PORT CONNECTIONS SECONDS REQUEST_FILE\n");
        return 2;
    }
    int live = atoi(arguments[3]);
    FILE *file = fopen(arguments[5], "rb");
    if (!file) {
        perror(arguments[5]);
        return 2;
    }
    request = malloc(REQUEST_SIZE);
    request_size = fread(request, 1, REQUEST_SIZE, file);
    fclose(file);
    server.sin_family = AF_INET;
    server.sin_port = htons(atoi(arguments[2]));
    inet_pton(AF_INET, arguments[1], &server.sin_addr);
    epoll_fd = epoll_create1(0);
    Connection *connections = calloc(live, sizeof(Connection));
    for (int i = 0; i < live; i++)
        dial(&connections[i]);
    long long start = now_ns(), end = start + (long long)(atof(arguments[4]) * 1e9);
    for (int i = 0; i < live; i++)
        ask(&connections[i]);
    static char data[READ_SIZE];
    struct epoll_event ready[512];
    while (live > 0 && now_ns() < end + GRACE_S * 1000000000LL) {
        int woken = epoll_wait(epoll_fd, ready, 512, 200);
        for (int i = 0; i < woken; i++) {
            Connection *c = ready[i].data.ptr;
            ssize_t got = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
            long long now = now_ns();
            if (got < 0 && (errno == EAGAIN || errno == EINTR))
                continue;
            int closed = got <= 0;
            if (closed && c->in_body && c->left < 0 && !c->chunked)
                finished(c);
            else if (closed)
                fail(LOST);
            else if (read_response(c, data, got, now))
                finished(c);
            else
                continue;
            if (now >= end) {
                close(c->fd);
                live--;
                continue;
            }
            if (closed || c->closes) {
                close(c->fd);
                dial(c);
            }
            ask(c);
        }
    }
    double seconds = (now_ns() - start) / 1e9;
    printf(
        "{\"ok\":%lld,\"errors\":%lld,\"seconds\":%.3f,\"requests_per_s\":%.1f,\"events\":%lld,\"events_per_s\":%.0f,"
        "\"bytes\":%lld,\"unfinished\":%d",
        ok, errors, seconds, ok / seconds, events, events / seconds, bytes, live);
    print_series("latency", &latency);
    print_series("first_event", &first_event);
    print_series("added", &added);
    printf(",\"statuses\":{");
    for (int status = 0, printed = 0; status < 600; status++)
        if (statuses[status])
            printf("%s\"%d\":%ld", printed++ ? "," : "", status, statuses[status]);
    printf("}}\n");
    if (bad_body[0])
        fprintf(stderr, "last bad body: %s\n", bad_body);
    return 0;
}
