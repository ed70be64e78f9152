/*
 * keeper.c - a server with rooms on disk that may be killed at any moment. It publishes, and writes down what was acknowledged.
 *
 *   keeper --store FILE [--journal FILE] [--group KIND:FIRST:COUNT:RATE:WINDOW]... [--option NAME=VALUE]...
 *          [--rule PATTERN:SETTING=VALUE]... [--size B]
 *
 * A group is COUNT rooms, from project:r<FIRST> on (KIND room) or @user:u<FIRST> (KIND user), each with RATE publications a second of
 * which at most WINDOW are under way. Publication n of a room holds {"n": n}, where n is its offset; the first after a start {"n": 0}: its
 * receipt says where the room stands. Who connects with ?user=<id> is that user.
 *
 * With --journal each publication that is acknowledged as stored is a line there before the next is made: room, epoch, offset, message id.
 *
 * Prints {"port": P}, or {"error": …}, and obeys lines on its input, each answered by a line with all counts:
 *
 *   on            publishes
 *   off           stops, levels the rooms of each group, and waits for what is under way; "n": the last of each group
 *   die KIND N    see support_deadly.h
 *   status        nothing else
 *   stats         prints the runtime's statistics instead
 *   stop          stops as a server should, and ends; so does the end of the input, at once
 */
#include "../client/ws_client.h"
#include "../client/ws_scan.h"
#include "support_deadly.h"
#include "ws_manager.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { GROUPS_MAX = 8, WINDOW_MAX = 1024, LINE_MAX_BYTES = 320 };

struct room {
	wsm_receipt *flight[WINDOW_MAX]; /* a ring, oldest first */
	unsigned first, count;
	char name[24];
	uint64_t n;      /* of the next publication; 0: it is not known where the room stands */
	uint64_t due_ns; /* of the next publication */
	bool asked;      /* the publication that finds it out is under way */
};

struct group {
	wsm_target target;
	unsigned first, count, window;
	double rate;
	struct room *rooms;
};

struct keeper {
	wsm_runtime *runtime;
	wsm_config *config;
	struct group groups[GROUPS_MAX];
	unsigned n_groups;
	int wake, journal;
	bool publishing;
	char *payload, *lines;
	unsigned size;
	size_t lines_len, lines_cap;
	/* counts */
	uint64_t stored, unstored, unavailable, failed, wrong;
	char first_wrong[300];
};

static void on_wake(void *data)
{
	const struct keeper *keeper = data;
	uint64_t one = 1;

	(void)!write(keeper->wake, &one, sizeof(one));
}

static void say_wrong(struct keeper *keeper, const char *what, const struct room *room, const wsm_delivery *delivery)
{
	if (keeper->wrong++ == 0)
		snprintf(keeper->first_wrong, sizeof(keeper->first_wrong),
		         "%s: room %s, n %llu, offset %llu, status %d", what, room->name, (unsigned long long)room->n,
		         (unsigned long long)delivery->offset, delivery->status);
}

/* ---- what is acknowledged ---------------------------------------------------------------------------------------- */

static void write_down(struct keeper *keeper, const wsm_delivery *delivery)
{
	char *place;

	if (keeper->journal < 0)
		return;
	if (keeper->lines_cap - keeper->lines_len < LINE_MAX_BYTES) {
		keeper->lines_cap = keeper->lines_cap * 2 + LINE_MAX_BYTES;
		keeper->lines = realloc(keeper->lines, keeper->lines_cap);
	}
	place = keeper->lines + keeper->lines_len;
	keeper->lines_len += (size_t)snprintf(place, LINE_MAX_BYTES, "%s %s %llu %s\n", delivery->room, delivery->epoch,
	                                      (unsigned long long)delivery->offset, delivery->message_id);
}

/* One call of the system for all of them: it survives the process whenever that ends. */
static void save_journal(struct keeper *keeper)
{
	if (keeper->lines_len && write(keeper->journal, keeper->lines, keeper->lines_len) < 0)
		perror("keeper: journal");
	keeper->lines_len = 0;
}

static void take_receipt(struct keeper *keeper, struct room *room, const wsm_delivery *delivery, uint64_t expected)
{
	room->asked = false;
	if (delivery->status == WSM_OK) {
		if (expected && delivery->offset != expected)
			say_wrong(keeper, "another offset than is due", room, delivery);
		if (room->n == 0)
			room->n = delivery->offset + 1;
		keeper->stored += delivery->stored;
		keeper->unstored += !delivery->stored;
		if (delivery->stored)
			write_down(keeper, delivery);
		return;
	}
	keeper->unavailable += delivery->status == WSM_EUNAVAILABLE;
	keeper->failed += delivery->status != WSM_EUNAVAILABLE;
	if (expected && expected + 1 != room->n)
		say_wrong(keeper, "one failed with others behind it", room, delivery);
	else if (expected)
		room->n = expected; /* nobody has got it: its number is the next one's */
}

static void take_receipts(struct keeper *keeper, struct room *room)
{
	wsm_delivery delivery;

	while (room->count && wsm_receipt_done(room->flight[room->first], &delivery)) {
		uint64_t expected = room->n ? room->n - room->count : 0;

		wsm_receipt_unref(room->flight[room->first]);
		room->first = (room->first + 1) % WINDOW_MAX;
		take_receipt(keeper, room, &delivery, expected);
		room->count--;
	}
}

/* ---- publications ------------------------------------------------------------------------------------------------ */

static void publish(struct keeper *keeper, const struct group *group, struct room *room)
{
	wsm_slice id = { room->name, strlen(room->name) };
	wsm_publication publication = { .target = group->target, .ids = &id, .n_ids = 1, .type = { "bench", 5 } };
	int used = snprintf(keeper->payload, keeper->size + 128, "{\"n\":%llu,\"mono_ns\":%llu,\"pad\":\"%*s\"}",
	                    (unsigned long long)room->n, (unsigned long long)wsc_now_ns(), (int)keeper->size - 60, "");
	wsm_receipt **place = &room->flight[(room->first + room->count) % WINDOW_MAX];

	if (wsm_publish(keeper->runtime, &publication, keeper->payload, (size_t)used, place, NULL) != WSM_OK) {
		keeper->failed++;
		return;
	}
	room->count++;
	if (room->n)
		room->n++;
	else
		room->asked = true;
}

/* Publishes what is due in a room; `until` 0: as its rate says, else up to that n. */
static void go_on(struct keeper *keeper, const struct group *group, struct room *room, uint64_t until, uint64_t now)
{
	uint64_t tick = (uint64_t)(1e9 / group->rate);

	take_receipts(keeper, room);
	while (!room->asked && room->count < group->window && (until ? room->n <= until : now >= room->due_ns)) {
		publish(keeper, group, room);
		room->due_ns = room->due_ns + tick > now - 100000000u ? room->due_ns + tick : now;
	}
}

static void all_rooms(struct keeper *keeper)
{
	uint64_t now = wsc_now_ns();

	for (unsigned g = 0; g < keeper->n_groups; g++) {
		struct group *group = &keeper->groups[g];

		for (unsigned i = 0; i < group->count; i++) {
			if (keeper->publishing)
				go_on(keeper, group, &group->rooms[i], 0, now);
			else
				take_receipts(keeper, &group->rooms[i]);
		}
	}
	save_journal(keeper);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void let_in(struct keeper *keeper, const wsm_event *event)
{
	wsm_decision decision = { .allow = true };
	char query[1024], *user;

	if (wsc_scan_text(event->data.data, "\"query\"", query, sizeof(query)) && strncmp(query, "user=", 5) == 0) {
		user = query + 5;
		decision.user_id = (wsm_slice){ user, strcspn(user, "&") };
	}
	wsm_authenticated(keeper->runtime, event->ticket, &decision, NULL);
}

static void take_events(struct keeper *keeper)
{
	wsm_event *event = wsm_events_take(keeper->runtime);

	while (event) {
		wsm_event *next = event->next;

		if (event->kind == WSM_EVENT_AUTHENTICATE)
			let_in(keeper, event);
		else if (event->kind == WSM_EVENT_LOG && event->level >= WSM_WARNING)
			fprintf(stderr, "keeper: %s\n", event->text.data);
		wsm_event_free(event);
		event = next;
	}
}

/* Waits a little, and does what there is to do. True: there is a line on the input. */
static bool turn(struct keeper *keeper)
{
	struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = keeper->wake, .events = POLLIN } };
	uint64_t n;

	poll(fds, 2, 1);
	if (fds[1].revents)
		(void)!read(keeper->wake, &n, sizeof(n));
	take_events(keeper);
	all_rooms(keeper);
	return fds[0].revents != 0;
}

/* ---- commands ---------------------------------------------------------------------------------------------------- */

/* Until nothing is under way. */
static void settle(struct keeper *keeper)
{
	bool busy = true;

	while (busy) {
		turn(keeper);
		busy = false;
		for (unsigned g = 0; g < keeper->n_groups; g++)
			for (unsigned i = 0; i < keeper->groups[g].count; i++)
				busy |= keeper->groups[g].rooms[i].count > 0;
	}
}

static uint64_t top_of(const struct group *group)
{
	uint64_t top = 0;

	for (unsigned i = 0; i < group->count; i++)
		if (group->rooms[i].n > top + 1)
			top = group->rooms[i].n - 1;
	return top;
}

/* One more for each room of the group, or up to `top`: 0: done. */
static bool raise_to(struct keeper *keeper, struct group *group, uint64_t top)
{
	bool below = false;

	for (unsigned i = 0; i < group->count; i++) {
		struct room *room = &group->rooms[i];

		below |= room->n <= top;
		if (room->n <= top)
			go_on(keeper, group, room, top, 0);
	}
	return below;
}

static void off(struct keeper *keeper)
{
	keeper->publishing = false;
	settle(keeper);
	for (unsigned g = 0; g < keeper->n_groups; g++) {
		struct group *group = &keeper->groups[g];

		while (raise_to(keeper, group, top_of(group)))
			turn(keeper);
	}
	settle(keeper);
}

static void status(const struct keeper *keeper)
{
	printf("{\"stored\":%llu,\"unstored\":%llu,\"unavailable\":%llu,\"failed\":%llu,\"wrong\":%llu,\"n\":[",
	       (unsigned long long)keeper->stored, (unsigned long long)keeper->unstored,
	       (unsigned long long)keeper->unavailable, (unsigned long long)keeper->failed,
	       (unsigned long long)keeper->wrong);
	for (unsigned g = 0; g < keeper->n_groups; g++)
		printf("%s%llu", g ? "," : "", (unsigned long long)top_of(&keeper->groups[g]));
	printf("],\"first_wrong\":\"%s\"}\n", keeper->first_wrong);
	fflush(stdout);
}

static void stats(const struct keeper *keeper)
{
	wsm_question question = { .kind = WSM_QUERY_STATS };
	wsm_text answer;

	if (wsm_query(keeper->runtime, &question, &answer, NULL) != WSM_OK) {
		printf("{}\n");
	} else {
		printf("%s\n", answer.data);
		wsm_text_free(&answer);
	}
	fflush(stdout);
}

/* False: the program is to end. */
static bool obey(struct keeper *keeper, const char *line)
{
	char kind[16];
	unsigned n;

	if (strncmp(line, "on", 2) == 0)
		keeper->publishing = true;
	else if (strncmp(line, "off", 3) == 0)
		off(keeper);
	else if (sscanf(line, "die %15s %u", kind, &n) == 2 && !deadly_arm(kind, n))
		fprintf(stderr, "keeper: no such death: %s", line);
	if (strncmp(line, "stop", 4) == 0)
		wsm_runtime_stop(keeper->runtime, 5000);
	if (strncmp(line, "stats", 5) == 0)
		stats(keeper);
	else
		status(keeper);
	return strncmp(line, "stop", 4) != 0;
}

/* ---- beginning --------------------------------------------------------------------------------------------------- */

static bool add_group(struct keeper *keeper, const char *text)
{
	struct group *group = &keeper->groups[keeper->n_groups++];
	char kind[8];

	if (keeper->n_groups >= GROUPS_MAX ||
	    sscanf(text, "%7[a-z]:%u:%u:%lf:%u", kind, &group->first, &group->count, &group->rate, &group->window) != 5)
		return false;
	group->target = strcmp(kind, "user") == 0 ? WSM_TO_USER : WSM_TO_PROJECT;
	group->rooms = calloc(group->count, sizeof(*group->rooms));
	for (unsigned i = 0; i < group->count; i++)
		snprintf(group->rooms[i].name, sizeof(group->rooms[i].name), "%c%u",
		         group->target == WSM_TO_USER ? 'u' : 'r', group->first + i);
	return group->count > 0 && group->rate > 0 && group->window <= WINDOW_MAX;
}

static int fail(const char *text)
{
	char line[400];
	size_t len = 0;

	for (; *text && len < sizeof(line) - 1; text++)
		line[len++] = *text == '"' || *text == '\\' || *text == '\n' ? '\'' : *text;
	line[len] = '\0';
	printf("{\"error\":\"%s\"}\n", line);
	return 1;
}

static bool set_option(struct keeper *keeper, const char *name, const char *value, wsm_error *error)
{
	return wsm_config_set(keeper->config, name, value, error) == WSM_OK;
}

/* "name=value" */
static bool set_pair(struct keeper *keeper, const char *text, wsm_error *error)
{
	char name[64];
	const char *value = strchr(text, '=');

	if (!value || (size_t)(value - text) >= sizeof(name))
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(value - text), text);
	return set_option(keeper, name, value + 1, error);
}

static wsm_slice part(const char *from, const char *to)
{
	return (wsm_slice){ from, (size_t)(to - from) };
}

/* "pattern:setting=value"; the pattern may have colons, the setting has none */
static bool set_rule(struct keeper *keeper, const char *text, wsm_error *error)
{
	const char *value = strchr(text, '='), *setting = value;

	while (setting && setting > text && *setting != ':')
		setting--;
	return value && wsm_room_rule_set(keeper->runtime, part(text, setting), part(setting + 1, value),
	                                  part(value + 1, value + strlen(value)), error) == WSM_OK;
}

static bool configure(struct keeper *keeper, int argc, char **argv, wsm_error *error)
{
	static const char *const ours[][2] = {
		{ "port", "0" },      { "max_connections", "20000" }, { "max_connections_per_ip", "20000" },
		{ "rate", "0" },      { "access", "open" },           { "history_ttl", "86400" },
		{ "drain_time", "0" }
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!set_option(keeper, ours[i][0], ours[i][1], error))
			return false;
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *value = argv[i + 1];
		bool good = true;

		if (strcmp(argv[i], "--store") == 0)
			good = set_option(keeper, "store", value, error);
		else if (strcmp(argv[i], "--option") == 0)
			good = set_pair(keeper, value, error);
		else if (strcmp(argv[i], "--group") == 0)
			good = add_group(keeper, value);
		else if (strcmp(argv[i], "--size") == 0)
			keeper->size = (unsigned)strtoul(value, NULL, 10);
		else if (strcmp(argv[i], "--journal") == 0)
			keeper->journal = open(value, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (!good)
			return false;
	}
	return true;
}

static bool begin(struct keeper *keeper, int argc, char **argv, wsm_error *error)
{
	keeper->runtime = wsm_runtime_new(keeper->config, error);
	if (!keeper->runtime)
		return false;
	for (int i = 1; i + 1 < argc; i += 2)
		if (strcmp(argv[i], "--rule") == 0 && !set_rule(keeper, argv[i + 1], error))
			return false;
	wsm_set_wake(keeper->runtime, on_wake, keeper);
	wsm_want(keeper->runtime, WSM_WANT_AUTHENTICATE | WSM_WANT_LOG);
	return wsm_runtime_start(keeper->runtime, error) == WSM_OK;
}

int main(int argc, char **argv)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));
	wsm_error error = { .message = "not understood" };
	char line[128];

	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what there is */
	signal(SIGXFSZ, SIG_IGN);        /* a file that may not grow is an error of write() */
	wsc_raise_nofile();
	keeper->journal = -1;
	keeper->size = 300;
	keeper->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	keeper->config = wsm_config_new();
	if (!deadly_begin() || !configure(keeper, argc, argv, &error) || !begin(keeper, argc, argv, &error))
		return fail(error.message);
	keeper->payload = malloc(keeper->size + 256);
	printf("{\"port\":%u}\n", wsm_runtime_port(keeper->runtime));
	fflush(stdout);
	for (;;) {
		if (!turn(keeper))
			continue;
		if (fgets(line, sizeof(line), stdin) == NULL || !obey(keeper, line))
			break;
	}
	_exit(0);
}
