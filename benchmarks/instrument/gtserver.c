/*
 * A server that streams tokens on an exact schedule and writes down when it truly did: the ground truth under a
 * benchmark. It speaks the streams of OpenAI (chat, completions) and of TGI (/generate_stream, /), and misbehaves in
 * the ways that a benchmark must survive (see MODES). It has no model: what a request asks for, its length included, is
 * ignored.
 *
 *   gtserver [--address 127.0.0.1] [--port 0] [--ttft-ms 50] [--ttft-jitter 0.2] [--itl-ms 20] [--itl-jitter 0.1]
 *            [--tokens 64] [--seed 0] [--tokens-per-event 1] [--modes ok,stall,...] [--stall-ms 5000] [--role-chunk]
 *            [--comment] [--running-usage] [--numbered] [--word TEXT] [--pad BYTES] [--log FILE]
 *
 * It prints its port and serves until its standard input closes or SIGTERM or SIGINT comes; then it writes the log. GET
 * /log gives the log at any time. The log is one JSON object a line, one for each request in the order of arrival, then
 * one with the server's own lateness. All times are nanoseconds of CLOCK_REALTIME; "offset" is that clock less
 * CLOCK_MONOTONIC when the request came.
 *
 *   first_byte, received   kernel stamps (SO_TIMESTAMPNS) of the pieces with the request's first and last byte
 *   due, sent              of each event with tokens: when it was to be sent, and the clock just before its send()
 *   blocked                events of which the socket did not take all at once: "sent" is too early for what followed
 *
 * The schedule is absolute: an event that went late moves no other. It depends on seed and number of the request alone.
 * Token texts name the request ("r17 t2 t3 ..."), so that a client's record of an answer finds its line in the log. For
 * clients that keep counts and no texts --numbered says it once more: the prompt of request 17 has 18 tokens.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 65536, BACKLOG = 4096, WAITING = 256, SHOWN = 64, LARGEST = 64 << 20, PRIORITY = 10, PROMPT_TOKENS = 11 };

/* How a request is answered; --modes is taken in the order of arrival, again and again. "Half-way" is after half the
 * events. */
enum mode {
    OK,        /* the whole stream */
    STALL,     /* silent for --stall-ms half-way, then the rest */
    CLOSE,     /* the connection is closed half-way */
    RESET,     /* the same by RST */
    TRUNCATED, /* HTTP ends well half-way; no finish reason, no [DONE] */
    MALFORMED, /* half-way an event that is not JSON, then the rest */
    ERROR,     /* half-way an error inside the 200 stream, which ends it */
    BYTES,     /* each byte of the stream is a chunk and a send() of its own */
    LUMP,      /* all events at once in one chunk */
    GARBAGE,   /* bytes that are not HTTP */
    HANGUP,    /* the connection is closed without an answer */
    NEVER,     /* no answer, and the connection stays open */
    R401,      /* refused, with an empty body as TGI does it */
    R429,
    R500,
    MODES
};
static const char *const MODE_NAMES[MODES] = {"ok",   "stall",   "close",  "reset", "truncated", "malformed", "error", "bytes",
                                              "lump", "garbage", "hangup", "never", "401",       "429",       "500"};

enum api { CHAT, COMPLETIONS, TGI };
static const char *const API_NAMES[] = {"chat", "completions", "tgi"};

struct buffer {
    char *data;
    size_t size, room;
};

struct request {
    int number, connection, tokens, per_event, events, sent, blocked;
    enum mode mode;
    enum api api;
    bool usage, running_usage, stamped;
    int64_t connected, first_byte, received, offset;
    int64_t *due, *at;
    char prompt[SHOWN + 1], id[SHOWN + 1];
    const char *end;
};

struct connection {
    int fd, number, heap_place;
    int64_t connected, first_byte, last_byte, due; /* due: CLOCK_MONOTONIC */
    bool stamped, writing, last, gone; /* last: the client wants to be let go after this answer */
    struct buffer in, out;
    size_t out_done;
    struct request *request; /* the one being answered */
    struct connection *next_gone;
};

static struct {
    double ttft_ns, ttft_jitter, itl_ns, itl_jitter;
    int port, tokens, per_event, mode_count;
    int64_t stall_ns;
    uint64_t seed;
    enum mode modes[64];
    bool role_chunk, comment, running_usage, numbered;
    const char *address, *word, *log;
    size_t pad;
} options = {.ttft_ns = 50e6, .ttft_jitter = 0.2, .itl_ns = 20e6, .itl_jitter = 0.1, .tokens = 64, .per_event = 1,
             .mode_count = 1, .stall_ns = 5000000000, .address = "127.0.0.1", .word = ""};

static struct request **requests;
static size_t request_count, request_room;
static struct connection **heap; /* those with an event to come, the earliest first */
static int heap_size, heap_room, connection_count, epoll_fd, timer_fd;
static int64_t armed;
static bool fifo;
static struct connection *gone; /* freed at the end of a round: its events may still be in the list */
static struct buffer scratch, framed;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void *grown(void *old, size_t bytes) {
    void *new = realloc(old, bytes);
    if (new == NULL) die("realloc");
    return new;
}

static int64_t now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* ---- buffers ---- */

static void reserve(struct buffer *b, size_t more) {
    if (b->size + more <= b->room) return;
    b->room = (b->size + more) * 2;
    b->data = grown(b->data, b->room);
}

static void add(struct buffer *b, const void *data, size_t size) {
    reserve(b, size);
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

__attribute__((format(printf, 2, 3))) static void print(struct buffer *b, const char *format, ...) {
    va_list once, again;
    va_start(once, format);
    va_copy(again, once);
    int size = vsnprintf(NULL, 0, format, once);
    reserve(b, (size_t)size + 1);
    vsnprintf(b->data + b->size, (size_t)size + 1, format, again);
    b->size += (size_t)size;
    va_end(once);
    va_end(again);
}

/* ---- schedule: a heap of connections by the time of their next event, and one timer for the first ---- */

static void place(struct connection *c, int at) {
    heap[at] = c;
    c->heap_place = at;
}

static void sift(struct connection *c, int at) {
    while (at > 0 && heap[(at - 1) / 2]->due > c->due) {
        place(heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    for (int child; (child = 2 * at + 1) < heap_size; at = child) {
        if (child + 1 < heap_size && heap[child + 1]->due < heap[child]->due) child++;
        if (heap[child]->due >= c->due) break;
        place(heap[child], at);
    }
    place(c, at);
}

static void schedule(struct connection *c, int64_t due) {
    c->due = due;
    if (c->heap_place < 0) {
        if (heap_size == heap_room) heap = grown(heap, (size_t)(heap_room = heap_room * 2 + 64) * sizeof *heap);
        c->heap_place = heap_size++;
    }
    sift(c, c->heap_place);
}

static void unschedule(struct connection *c) {
    if (c->heap_place < 0) return;
    int at = c->heap_place;
    c->heap_place = -1;
    struct connection *last = heap[--heap_size];
    if (last != c) sift(last, at);
}

static void arm(void) {
    int64_t due = heap_size > 0 ? heap[0]->due : 0;
    if (due == armed) return;
    armed = due;
    struct itimerspec when = {.it_value = {.tv_sec = due / 1000000000, .tv_nsec = due % 1000000000}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

/* splitmix64: a number in [-1, 1) for event `event` of request `request`. */
static double drawn(uint64_t request, uint64_t event) {
    uint64_t z = options.seed * UINT64_C(0xd1342543de82ef95) + (request << 24) + event + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return (double)(z >> 11) / (double)(UINT64_C(1) << 52) - 1.0;
}

static void plan(struct request *r) {
    r->due = grown(NULL, (size_t)r->events * sizeof *r->due);
    r->at = grown(NULL, (size_t)r->events * sizeof *r->at);
    double due = (double)(r->received - r->first_byte) + options.ttft_ns * (1 + options.ttft_jitter * drawn(r->number, 0));
    for (int k = 0; k < r->events; k++) {
        if (k > 0 && r->mode != LUMP) due += options.itl_ns * (1 + options.itl_jitter * drawn(r->number, k));
        if (k > 0 && k == r->events / 2 && r->mode == STALL) due += (double)options.stall_ns;
        r->due[k] = r->first_byte + (int64_t)due;
    }
}

/* ---- connections ---- */

static void watch(struct connection *c, int how, uint32_t events) {
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, how, c->fd, &e) < 0) die("epoll_ctl");
}

static void let_go(struct connection *c, const char *why) {
    if (c->gone) return;
    if (c->request != NULL) c->request->end = why;
    unschedule(c);
    close(c->fd);
    c->gone = true;
    c->next_gone = gone;
    gone = c;
}

static void free_gone(void) {
    while (gone != NULL) {
        struct connection *c = gone;
        gone = c->next_gone;
        free(c->in.data);
        free(c->out.data);
        free(c);
    }
}

static void flush(struct connection *c) {
    while (!c->gone && c->out_done < c->out.size) {
        ssize_t n = send(c->fd, c->out.data + c->out_done, c->out.size - c->out_done, MSG_NOSIGNAL);
        if (n >= 0) {
            c->out_done += (size_t)n;
        } else if (errno == EAGAIN) {
            if (!c->writing) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            c->writing = true;
            return;
        } else if (errno != EINTR) {
            let_go(c, "client closed");
            return;
        }
    }
    c->out.size = c->out_done = 0;
    if (c->writing && !c->gone) watch(c, EPOLL_CTL_MOD, EPOLLIN);
    c->writing = false;
    if (c->last && c->request == NULL && !c->gone) let_go(c, "");
}

static void put(struct connection *c, const struct buffer *b) {
    if (c->gone) return;
    add(&c->out, b->data, b->size);
    if (!c->writing) flush(c);
}

static void reset(struct connection *c) {
    struct linger at_once = {.l_onoff = 1};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    let_go(c, "server reset");
}

/* ---- what is said ---- */

static void text(struct buffer *b, const struct request *r, int k) {
    print(b, k == 0 ? "r%d" : " t%d", k == 0 ? r->number : k + 1);
    print(b, "%s", options.word);
    reserve(b, options.pad);
    memset(b->data + b->size, 'x', options.pad);
    b->size += options.pad;
}

static int tokens_until(const struct request *r, int k) {
    int tokens = (k + 1) * r->per_event;
    return tokens < r->tokens ? tokens : r->tokens;
}

static int prompt_tokens(const struct request *r) { return options.numbered ? r->number + 1 : PROMPT_TOKENS; }

static void counts(struct buffer *b, const struct request *r, int tokens) {
    int prompt = prompt_tokens(r);
    print(b, "{\"prompt_tokens\":%d,\"completion_tokens\":%d,\"total_tokens\":%d}", prompt, tokens, prompt + tokens);
}

/* What every chunk of OpenAI's streams begins with. */
static void opening(struct buffer *b, const struct request *r) {
    print(b, "data: {\"object\":\"%s\",\"id\":\"gt-%d\",\"created\":%lld,\"model\":\"ground-truth\",\"choices\":[",
          r->api == CHAT ? "chat.completion.chunk" : "text_completion", r->number, (long long)(r->received / 1000000000));
}

static void openai_event(struct buffer *b, const struct request *r, int k) {
    opening(b, r);
    print(b, r->api == CHAT ? "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"" : "{\"index\":0,\"text\":\"");
    text(b, r, k);
    print(b, "\"%s,\"logprobs\":null,\"finish_reason\":%s}],\"usage\":", r->api == CHAT ? "}" : "",
          k + 1 == r->events ? "\"length\"" : "null");
    if (r->running_usage)
        counts(b, r, tokens_until(r, k));
    else
        print(b, "null");
    print(b, "}\n\n");
}

static void tgi_event(struct buffer *b, const struct request *r, int k) {
    print(b, "data: {\"index\":%d,\"token\":{\"id\":%d,\"text\":\"", k + 1, k + 1);
    text(b, r, k);
    print(b, "\",\"logprob\":-0.1,\"special\":false},\"generated_text\":");
    if (k + 1 < r->events) {
        print(b, "null,\"details\":null}\n\n");
        return;
    }
    print(b, "\"");
    for (int j = 0; j < r->events; j++) text(b, r, j);
    print(b, "\",\"details\":{\"finish_reason\":\"length\",\"generated_tokens\":%d,\"seed\":null,\"input_length\":%d}}\n\n",
          r->events, prompt_tokens(r));
}

static void event(struct buffer *b, const struct request *r, int k) {
    if (r->mode == MALFORMED && k == r->events / 2)
        print(b, "data: {\"choices\":[{\"index\":0,\"del\n\n");
    else if (r->api == TGI)
        tgi_event(b, r, k);
    else
        openai_event(b, r, k);
}

/* What follows the last event: usage where it was asked for, and [DONE]; TGI's own stream has neither. */
static void ending(struct buffer *b, const struct request *r) {
    if (r->api == TGI) return;
    if (r->usage) {
        opening(b, r);
        print(b, "],\"usage\":");
        counts(b, r, r->tokens);
        print(b, "}\n\n");
    }
    print(b, "data: [DONE]\n\n");
}

static void error_event(struct buffer *b, const struct request *r) {
    if (r->api == TGI)
        print(b, "data: {\"error\":\"Model is overloaded\",\"error_type\":\"overloaded\"}\n\n");
    else
        print(b, "data: {\"error\":{\"message\":\"Model is overloaded\",\"http_status_code\":422}}\n\ndata: [DONE]\n\n");
}

/* ---- a stream ---- */

static void chunk(struct buffer *b, const char *data, size_t size) {
    print(b, "%zx\r\n", size);
    add(b, data, size);
    add(b, "\r\n", 2);
}

static void put_chunk(struct connection *c, const struct buffer *b, bool last) {
    size_t step = c->request->mode == BYTES ? 1 : b->size;
    for (size_t at = 0; at < b->size; at += step) {
        framed.size = 0;
        chunk(&framed, b->data + at, step);
        if (last && at + step == b->size) print(&framed, "0\r\n\r\n");
        put(c, &framed);
    }
}

static void begin_stream(struct connection *c) {
    const struct request *r = c->request;
    framed.size = scratch.size = 0;
    print(&framed, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n");
    if (options.comment) print(&scratch, ":\n\n");
    if (options.role_chunk && r->api == CHAT) {
        opening(&scratch, r);
        print(&scratch, "{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n");
    }
    if (scratch.size > 0) chunk(&framed, scratch.data, scratch.size);
    put(c, &framed);
    if (!c->gone) schedule(c, r->due[0] - r->offset);
}

static void end_stream(struct connection *c, const char *how) {
    struct request *r = c->request;
    unschedule(c);
    if (c->gone) return;
    r->end = how;
    c->request = NULL;
    if (c->last && !c->writing) let_go(c, how);
}

/* Half-way, in the modes that do something then; whether the stream is over. */
static bool misbehave(struct connection *c) {
    switch (c->request->mode) {
    case CLOSE:
        let_go(c, "server closed");
        return true;
    case RESET:
        reset(c);
        return true;
    case ERROR:
        scratch.size = 0;
        error_event(&scratch, c->request);
        put_chunk(c, &scratch, true);
        end_stream(c, "error event");
        return true;
    case TRUNCATED:
        framed.size = 0;
        print(&framed, "0\r\n\r\n");
        put(c, &framed);
        end_stream(c, "truncated");
        return true;
    default:
        return false;
    }
}

/* Send what is due: one event, or all of them where they come as a lump. */
static void send_due(struct connection *c) {
    struct request *r = c->request;
    if (r->sent == r->events / 2 && misbehave(c)) return;
    int until = r->mode == LUMP ? r->events : r->sent + 1;
    scratch.size = 0;
    for (int k = r->sent; k < until; k++) event(&scratch, r, k);
    if (until == r->events) ending(&scratch, r);
    bool was_blocked = c->writing;
    int64_t at = now(CLOCK_REALTIME);
    put_chunk(c, &scratch, until == r->events);
    if (was_blocked || c->writing) r->blocked++;
    while (r->sent < until) r->at[r->sent++] = at;
    if (r->sent < r->events && !c->gone)
        schedule(c, r->due[r->sent] - r->offset);
    else
        end_stream(c, "complete");
}

/* ---- requests ---- */

static void put_plain(struct connection *c, const char *status, const char *type, const char *body, size_t size) {
    framed.size = 0;
    print(&framed, "HTTP/1.1 %s\r\ncontent-type: %s\r\ncontent-length: %zu\r\n\r\n", status, type, size);
    add(&framed, body, size);
    put(c, &framed);
}

static void refuse(struct connection *c) {
    static const char overloaded[] = "{\"error\":\"Model is overloaded\",\"error_type\":\"overloaded\"}";
    enum mode mode = c->request->mode;
    if (mode == R401) put_plain(c, "401 Unauthorized", "text/plain", "", 0);
    if (mode == R429) put_plain(c, "429 Too Many Requests", "application/json", overloaded, strlen(overloaded));
    if (mode == R500) put_plain(c, "500 Internal Server Error", "text/plain", "plain text, not JSON", 20);
    end_stream(c, "refused");
}

static void spout(struct connection *c) {
    framed.size = 0;
    for (uint64_t k = 0; k < 512; k++) print(&framed, "%c", (int)(1 + (drawn(c->request->number, k) + 1) * 127));
    put(c, &framed);
    let_go(c, "garbage");
}

/* The value of a header in [head, end), or NULL; `size` gets its length. */
static const char *header(const char *head, const char *end, const char *name, size_t *size) {
    size_t length = strlen(name);
    for (const char *line = head; line < end; line++) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));
        if (stop == NULL) stop = end;
        if ((size_t)(stop - line) > length && strncasecmp(line, name, length) == 0 && line[length] == ':') {
            for (line += length + 1; line < stop && *line == ' ';) line++;
            *size = (size_t)(stop - line);
            return line;
        }
        line = stop + 1 < end ? stop + 1 : end;
    }
    return NULL;
}

/* The value of the last `"name":` in JSON; quotes inside of strings are escaped, so that text cannot be taken for a key. */
static const char *value_of(const char *body, size_t size, const char *name) {
    char key[64];
    size_t length = (size_t)snprintf(key, sizeof key, "\"%s\"", name);
    const char *found = NULL, *end = body + size;
    for (const char *at = body; (at = memmem(at, (size_t)(end - at), key, length)) != NULL;) {
        at += length;
        const char *value = at;
        while (value < end && *value == ' ') value++;
        if (value == end || *value++ != ':') continue;
        while (value < end && *value == ' ') value++;
        found = value;
    }
    return found;
}

static bool is_true(const char *body, size_t size, const char *name) {
    const char *value = value_of(body, size, name);
    return value != NULL && body + size - value >= 4 && memcmp(value, "true", 4) == 0;
}

/* The beginning of a JSON string, as it stands there, but whole characters and whole escapes. */
static void keep(char *into, const char *value, size_t room) {
    size_t size = 0;
    if (room > SHOWN) room = SHOWN;
    while (size < room && value[size] != '"' && value[size] != '\\' && (unsigned char)value[size] < 0x80) size++;
    memcpy(into, value, size);
    into[size] = 0;
}

static void keep_prompt(struct request *r, const char *body, size_t size) {
    static const char *const KEYS[] = {[CHAT] = "content", [COMPLETIONS] = "prompt", [TGI] = "inputs"};
    const char *value = value_of(body, size, KEYS[r->api]);
    /* OpenAI's parts: [{"type": "text", "text": "..."}] */
    if (value != NULL && *value == '[') value = value_of(value, size - (size_t)(value - body), "text");
    if (value != NULL && *value == '"') keep(r->prompt, value + 1, (size_t)(body + size - value - 1));
}

static struct request *noted(struct connection *c, enum api api, const char *head, const char *body, size_t size) {
    struct request *r = grown(NULL, sizeof *r);
    *r = (struct request){.number = (int)request_count, .connection = c->number, .api = api, .end = "open"};
    if (request_count == request_room) requests = grown(requests, (request_room = request_room * 2 + 256) * sizeof(void *));
    requests[request_count++] = r;
    r->mode = options.modes[r->number % options.mode_count];
    r->tokens = options.tokens;
    r->per_event = api == TGI ? 1 : options.per_event;
    r->events = (r->tokens + r->per_event - 1) / r->per_event;
    r->connected = c->connected, r->first_byte = c->first_byte, r->received = c->last_byte, r->stamped = c->stamped;
    r->offset = now(CLOCK_REALTIME) - now(CLOCK_MONOTONIC);
    r->usage = is_true(body, size, "include_usage");
    r->running_usage = options.running_usage || is_true(body, size, "continuous_usage_stats");
    size_t length;
    const char *value = header(head, body, "x-request-id", &length);
    if (value != NULL) keep(r->id, value, length);
    value = header(head, body, "connection", &length);
    c->last = value != NULL && length == 5 && strncasecmp(value, "close", 5) == 0;
    keep_prompt(r, body, size);
    plan(r);
    return r;
}

static void answer(struct connection *c) {
    switch (c->request->mode) {
    case NEVER:
        return;
    case HANGUP:
        let_go(c, "hangup");
        return;
    case GARBAGE:
        spout(c);
        return;
    case R401:
    case R429:
    case R500:
        refuse(c);
        return;
    default:
        begin_stream(c);
    }
}

static void write_log(FILE *file);

static bool is(const char *path, size_t size, const char *text) { return size == strlen(text) && memcmp(path, text, size) == 0; }

static void look(struct connection *c, const char *path, size_t size) {
    static const char info[] =
        "{\"model_id\":\"ground-truth\",\"model_sha\":null,\"model_pipeline_tag\":\"text-generation\",\"max_concurrent_requests\":8192,"
        "\"max_best_of\":1,\"max_stop_sequences\":4,\"max_input_tokens\":1000000,\"max_total_tokens\":2000000,\"validation_workers\":1,"
        "\"max_client_batch_size\":1,\"router\":\"gtserver\",\"version\":\"3.3.5\",\"sha\":null,\"docker_label\":null}";
    static const char models[] =
        "{\"object\":\"list\",\"data\":[{\"id\":\"ground-truth\",\"object\":\"model\",\"created\":0,\"owned_by\":\"ground-truth\"}]}";
    if (is(path, size, "/") || is(path, size, "/health")) {
        put_plain(c, "200 OK", "text/plain", "", 0);
    } else if (is(path, size, "/info")) {
        put_plain(c, "200 OK", "application/json", info, strlen(info));
    } else if (is(path, size, "/v1/models")) {
        put_plain(c, "200 OK", "application/json", models, strlen(models));
    } else if (is(path, size, "/log")) {
        char *data;
        size_t length;
        FILE *file = open_memstream(&data, &length);
        if (file == NULL) die("open_memstream");
        write_log(file);
        fclose(file);
        put_plain(c, "200 OK", "application/x-ndjson", data, length);
        free(data);
    } else {
        put_plain(c, "404 Not Found", "text/plain", "", 0);
    }
}

static void route(struct connection *c, const char *head, const char *body, size_t size) {
    const char *path = memchr(head, ' ', (size_t)(body - head));
    size_t length = path == NULL ? 0 : strcspn(++path, " ?\r");
    bool post = memcmp(head, "POST ", 5) == 0;
    if (!post)
        look(c, path, length);
    else if (is(path, length, "/v1/chat/completions"))
        c->request = noted(c, CHAT, head, body, size);
    else if (is(path, length, "/v1/completions"))
        c->request = noted(c, COMPLETIONS, head, body, size);
    else if (is(path, length, "/generate_stream") || is(path, length, "/"))
        c->request = noted(c, TGI, head, body, size);
    else
        put_plain(c, "404 Not Found", "text/plain", "", 0);
    if (c->request != NULL) answer(c);
}

/* One after the other: what comes while a request is answered waits until that is done. */
static void take_requests(struct connection *c) {
    while (!c->gone && c->request == NULL && c->in.size > 0) {
        char *end = memmem(c->in.data, c->in.size, "\r\n\r\n", 4);
        if (end == NULL) return;
        size_t head_size = (size_t)(end + 4 - c->in.data), length, body_size = 0;
        const char *value = header(c->in.data, end, "content-length", &length);
        if (value != NULL) body_size = strtoul(value, NULL, 10);
        if (body_size > LARGEST) {
            let_go(c, "too large");
            return;
        }
        if (c->in.size < head_size + body_size) return;
        route(c, c->in.data, c->in.data + head_size, body_size);
        c->in.size -= head_size + body_size;
        memmove(c->in.data, c->in.data + head_size + body_size, c->in.size);
        c->first_byte = c->last_byte;
    }
}

/* Of the piece just read; the clock where the kernel gave none. */
static int64_t stamp_of(struct msghdr *message, bool *by_kernel) {
    for (struct cmsghdr *m = CMSG_FIRSTHDR(message); m != NULL; m = CMSG_NXTHDR(message, m)) {
        if (m->cmsg_level != SOL_SOCKET || m->cmsg_type != SCM_TIMESTAMPNS) continue;
        struct timespec t;
        memcpy(&t, CMSG_DATA(m), sizeof t);
        *by_kernel = true;
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
    }
    *by_kernel = false;
    return now(CLOCK_REALTIME);
}

static void read_some(struct connection *c) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    reserve(&c->in, PIECE);
    struct iovec into = {.iov_base = c->in.data + c->in.size, .iov_len = PIECE};
    struct msghdr message = {.msg_iov = &into, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &message, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) {
        let_go(c, "client closed");
        return;
    }
    bool by_kernel;
    c->last_byte = stamp_of(&message, &by_kernel);
    if (c->in.size == 0) c->first_byte = c->last_byte, c->stamped = true;
    c->stamped = c->stamped && by_kernel;
    c->in.size += (size_t)n;
    take_requests(c);
}

static void welcome(int listener) {
    for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        int yes = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct connection *c = grown(NULL, sizeof *c);
        *c = (struct connection){.fd = fd, .number = connection_count++, .heap_place = -1, .connected = now(CLOCK_REALTIME)};
        watch(c, EPOLL_CTL_ADD, EPOLLIN);
    }
}

/* ---- the log ---- */

static void write_times(FILE *file, const char *name, const int64_t *times, int count) {
    fprintf(file, ",\"%s\":[", name);
    for (int k = 0; k < count; k++) fprintf(file, "%s%lld", k > 0 ? "," : "", (long long)times[k]);
    fputc(']', file);
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* How late the server itself was, over all events. */
static void write_lateness(FILE *file) {
    size_t count = 0, unstamped = 0, blocked = 0;
    for (size_t i = 0; i < request_count; i++) {
        count += (size_t)requests[i]->sent;
        unstamped += !requests[i]->stamped;
        blocked += (size_t)requests[i]->blocked;
    }
    int64_t *late = grown(NULL, (count + 1) * sizeof *late), *next = late;
    for (size_t i = 0; i < request_count; i++)
        for (int k = 0; k < requests[i]->sent; k++) *next++ = requests[i]->at[k] - requests[i]->due[k];
    qsort(late, count, sizeof *late, by_size);
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    fprintf(file, "{\"events\":%zu,\"unstamped\":%zu,\"blocked\":%zu,\"fifo\":%s,\"cpu_s\":%.3f", count, unstamped, blocked,
            fifo ? "true" : "false",
            (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) + (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
    if (count > 0)
        fprintf(file, ",\"late_p50\":%lld,\"late_p99\":%lld,\"late_max\":%lld", (long long)late[(count - 1) / 2],
                (long long)late[(count - 1) * 99 / 100], (long long)late[count - 1]);
    fprintf(file, "}\n");
    free(late);
}

static void write_log(FILE *file) {
    for (size_t i = 0; i < request_count; i++) {
        const struct request *r = requests[i];
        fprintf(file,
                "{\"request\":%d,\"connection\":%d,\"api\":\"%s\",\"mode\":\"%s\",\"id\":\"%s\",\"prompt\":\"%s\",\"end\":\"%s\","
                "\"connected\":%lld,\"first_byte\":%lld,\"received\":%lld,\"stamped\":%s,\"offset\":%lld,\"tokens\":%d,"
                "\"tokens_per_event\":%d,\"blocked\":%d",
                r->number, r->connection, API_NAMES[r->api], MODE_NAMES[r->mode], r->id, r->prompt, r->end, (long long)r->connected,
                (long long)r->first_byte, (long long)r->received, r->stamped ? "true" : "false", (long long)r->offset, r->tokens,
                r->per_event, r->blocked);
        write_times(file, "due", r->due, r->events);
        write_times(file, "sent", r->at, r->sent);
        fprintf(file, "}\n");
    }
    write_lateness(file);
}

/* ---- start and loop ---- */

static void take_modes(char *list) {
    options.mode_count = 0;
    for (char *name = strtok(list, ","); name != NULL; name = strtok(NULL, ",")) {
        int mode = 0;
        while (mode < MODES && strcmp(name, MODE_NAMES[mode]) != 0) mode++;
        if (mode == MODES || options.mode_count == 64) {
            fprintf(stderr, "gtserver: no mode %s\n", name);
            exit(2);
        }
        options.modes[options.mode_count++] = (enum mode)mode;
    }
}

static void take_options(int argc, char **argv) {
    static const struct option known[] = {
        {"address", 1, NULL, 'a'},
        {"port", 1, NULL, 'p'},   {"ttft-ms", 1, NULL, 't'}, {"ttft-jitter", 1, NULL, 'T'},      {"itl-ms", 1, NULL, 'i'},
        {"itl-jitter", 1, NULL, 'I'}, {"tokens", 1, NULL, 'n'}, {"tokens-per-event", 1, NULL, 'k'}, {"seed", 1, NULL, 's'},
        {"modes", 1, NULL, 'm'},  {"stall-ms", 1, NULL, 'S'}, {"role-chunk", 0, NULL, 'r'},      {"comment", 0, NULL, 'c'},
        {"running-usage", 0, NULL, 'u'}, {"numbered", 0, NULL, 'N'}, {"word", 1, NULL, 'w'},   {"pad", 1, NULL, 'P'},     {"log", 1, NULL, 'l'},              {NULL, 0, NULL, 0}};
    for (int o; (o = getopt_long(argc, argv, "", known, NULL)) != -1;) switch (o) {
        case 'a': options.address = optarg; break;
        case 'p': options.port = atoi(optarg); break;
        case 't': options.ttft_ns = atof(optarg) * 1e6; break;
        case 'T': options.ttft_jitter = atof(optarg); break;
        case 'i': options.itl_ns = atof(optarg) * 1e6; break;
        case 'I': options.itl_jitter = atof(optarg); break;
        case 'n': options.tokens = atoi(optarg); break;
        case 'k': options.per_event = atoi(optarg); break;
        case 's': options.seed = strtoull(optarg, NULL, 10); break;
        case 'm': take_modes(optarg); break;
        case 'S': options.stall_ns = (int64_t)(atof(optarg) * 1e6); break;
        case 'r': options.role_chunk = true; break;
        case 'c': options.comment = true; break;
        case 'u': options.running_usage = true; break;
        case 'N': options.numbered = true; break;
        case 'w': options.word = optarg; break;
        case 'P': options.pad = strtoul(optarg, NULL, 10); break;
        case 'l': options.log = optarg; break;
        default: exit(2);
        }
    if (optind < argc || options.tokens < 1 || options.per_event < 1 || options.mode_count < 1) {
        fprintf(stderr, "gtserver: bad options; see the beginning of gtserver.c\n");
        exit(2);
    }
}

static int listening(void) {
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    socklen_t size = sizeof address;
    if (fd < 0) die("socket");
    if (inet_pton(AF_INET, options.address, &address.sin_addr) != 1) die(options.address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    /* Accepted sockets inherit it, so that a request that came before accept() is stamped too. */
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes) < 0) die("SO_TIMESTAMPNS");
    if (bind(fd, (struct sockaddr *)&address, size) < 0) die("bind");
    if (listen(fd, BACKLOG) < 0) die("listen");
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

/* Ahead of everything else on the machine, where this user may; the log says whether. */
static void hurry(void) {
    struct sched_param high = {.sched_priority = PRIORITY};
    struct rlimit files;
    fifo = sched_setscheduler(0, SCHED_FIFO, &high) == 0;
    prctl(PR_SET_TIMERSLACK, 1);
    mlockall(MCL_CURRENT | MCL_FUTURE);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

static int signals(void) {
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    return signalfd(-1, &ends, SFD_CLOEXEC);
}

static void watch_fd(int fd, int *place) {
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = place};
    /* A standard input that is a file cannot be watched, and never closes. */
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 && errno != EPERM) die("epoll_ctl");
}

static bool input_open(void) {
    char ignored[256];
    return read(0, ignored, sizeof ignored) > 0;
}

static void serve(int listener, int signal_fd) {
    static int at_listener, at_timer, at_signal, at_input;
    struct epoll_event events[WAITING];
    uint64_t ticks;
    watch_fd(listener, &at_listener);
    watch_fd(timer_fd, &at_timer);
    watch_fd(signal_fd, &at_signal);
    watch_fd(0, &at_input);
    for (;;) {
        arm();
        int count = epoll_wait(epoll_fd, events, WAITING, -1);
        for (int i = 0; i < count; i++) {
            void *at = events[i].data.ptr;
            if (at == &at_signal || (at == &at_input && !input_open())) return;
            if (at == &at_listener) welcome(listener);
            if (at == &at_timer && read(timer_fd, &ticks, sizeof ticks) > 0) armed = 0;
            if (at == &at_listener || at == &at_timer || at == &at_input) continue;
            struct connection *c = at;
            if (!c->gone && events[i].events & EPOLLOUT) flush(c);
            if (!c->gone && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_some(c);
        }
        while (heap_size > 0 && heap[0]->due <= now(CLOCK_MONOTONIC)) {
            struct connection *c = heap[0];
            send_due(c);
            if (!c->gone && c->request == NULL) take_requests(c);
        }
        free_gone();
    }
}

int main(int argc, char **argv) {
    take_options(argc, argv);
    hurry();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (epoll_fd < 0 || timer_fd < 0) die("epoll_create1, timerfd_create");
    int signal_fd = signals();
    serve(listening(), signal_fd);
    if (options.log != NULL) {
        FILE *file = fopen(options.log, "w");
        if (file == NULL) die(options.log);
        write_log(file);
        if (fclose(file) != 0) die(options.log);
    }
    return 0;
}
