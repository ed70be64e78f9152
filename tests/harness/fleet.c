/*
 * fleet.c - thousands of clients that come back whatever happens, each with an oracle for what it is sent.
 *
 *   fleet --port P [--address A] [--clients N] [--rooms R] [--history H] [--silence S] [--jitter S] [--parallel K]
 *         [--receive-buffer B] [--seed S] [--first-room F] [--users 1] [--remember 1]
 *
 * Client i lives in room project:r<F + i mod R>. Even clients join by connecting to /ws/project/r<i> and resume by ?resume=; odd
 * ones connect to /ws and subscribe with `since`. A client that has heard nothing for S seconds gives its connection up, as
 * a client of a half-open connection must. After every end it returns when the server has asked it to (`server_draining`),
 * else within J seconds (full jitter, doubled up to three times while it is refused).
 *
 * With --users, client i is user u<F + i>, lives in its user's room, and resumes by ?resume= as all do.
 *
 * With --remember it looks whether an offset is the same message whoever gets it.
 *
 * What it counts is told in ../client/oracle.h; beside that, `errors` are answers of type `error`.
 *
 * Lines on standard input; each is answered by one line of JSON with all counts:
 *
 *   status            nothing else
 *   reached N         "reached": how many clients are in their room and have message N of it as their newest
 *   drop M K          clients with index mod M = K drop their connections without a word
 *   pause M K S       ... stop reading for S seconds
 *   say M K TEXT      ... send TEXT
 *   leave M K         ... drop their connections, and stay away until
 *   back M K          ... they come back
 *   forget M K        ... no longer know how far they were, as another device
 *   jitter S          from now on
 *   churn D P V       from now on, each second, at random: D drops, P pauses of up to 10 s, V visits to another room
 *   end               the last line, and the program ends, as it does at the end of its input
 */
#include "../client/oracle.h"
#include "../client/ws_client.h"
#include "../client/ws_scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CODES = 16, TEXT_MAX = 256 * 1024 };

/* One of the rooms that a client is in. */
struct place {
	struct oracle_place at;
	unsigned room;
};

struct member {
	wsc client;
	struct place home, guest;
	uint64_t due_ns;   /* while away: when it connects */
	uint64_t pause_ns; /* while it does not read: until when */
	uint64_t heard_ns;
	uint64_t hint_ms; /* when the server asked to come back; 0: it did not */
	bool greeted, away;
	bool stays_away;
	unsigned refused; /* connections in a row that did not come to a greeting */
};

struct fleet {
	wsc_loop loop;
	struct member *members;
	unsigned port, n, rooms, first_room, parallel, connecting;
	bool users;
	int receive_buffer;
	double silence, jitter, drops, pauses, visits;
	uint64_t seed, churned_ns, scanned_ns;
	/* counts */
	struct oracle oracle;
	uint64_t connections, errors, heartbeats;
	uint64_t hinted, gave_up, dropped, paused, visited, refusals, ends;
	struct {
		int code;
		uint64_t count;
	} codes[CODES];
	char text[TEXT_MAX];
};

static uint64_t next_random(struct fleet *fleet)
{
	fleet->seed ^= fleet->seed << 13;
	fleet->seed ^= fleet->seed >> 7;
	fleet->seed ^= fleet->seed << 17;
	return fleet->seed;
}

/* From 0 to `seconds`, in nanoseconds. */
static uint64_t within_ns(struct fleet *fleet, double seconds)
{
	return (uint64_t)(seconds * 1e9 * (double)(next_random(fleet) % 100000u) / 100000.0);
}

static struct fleet *fleet_of(struct member *member)
{
	return member->client.loop->data;
}

static const char *prefix_of(const struct fleet *fleet)
{
	return fleet->users ? "@user:u" : "project:r";
}

static struct place *place_of(struct member *member, const char *json)
{
	const char *prefix = prefix_of(fleet_of(member));
	size_t len = strlen(prefix);
	char name[64];

	if (!wsc_scan_text(json, "\"room\"", name, sizeof(name)) || strncmp(name, prefix, len) != 0)
		return NULL;
	if (strtoul(name + len, NULL, 10) == member->home.room)
		return &member->home;
	return strtoul(name + len, NULL, 10) == member->guest.room ? &member->guest : NULL;
}

/* ---- joining ---------------------------------------------------------------------------------------------------- */

static void subscribe(struct member *member, struct place *place)
{
	char command[256], since[128] = "";

	if (place->at.known)
		snprintf(since, sizeof(since), ",\"since\":{\"epoch\":\"%s\",\"offset\":%llu}", place->at.epoch,
		         (unsigned long long)place->at.last);
	snprintf(command, sizeof(command), "{\"action\":\"subscribe\",\"room\":\"project:r%u\"%s}", place->room, since);
	if (wsc_send_text(&member->client, command) == 0)
		place->at.phase = ORACLE_ASKED;
}

static bool by_query(struct member *member)
{
	return fleet_of(member)->users || member->client.index % 2 == 0;
}

static void greeted(struct member *member, const char *json)
{
	char key[32];

	fleet_of(member)->connections++;
	member->greeted = true;
	member->refused = 0;
	if (!by_query(member)) {
		subscribe(member, &member->home);
		return;
	}
	snprintf(key, sizeof(key), "\"%s%u\"", prefix_of(fleet_of(member)), member->home.room);
	oracle_placed(&fleet_of(member)->oracle, &member->home.at, wsc_scan_after(json, key));
}

static void come(struct fleet *fleet, struct member *member)
{
	char path[512] = "/ws", position[256], encoded[400];
	struct place *home = &member->home;

	member->greeted = false;
	member->hint_ms = 0;
	home->at.phase = member->guest.at.phase = ORACLE_OUT;
	if (by_query(member)) {
		int used = snprintf(path, sizeof(path), fleet->users ? "/ws?user=u%u" : "/ws/project/r%u", home->room);

		if (home->at.known) {
			int n = snprintf(position, sizeof(position), "{\"%s%u\":[\"%s\",%llu]}", prefix_of(fleet),
			                 home->room, home->at.epoch, (unsigned long long)home->at.last);

			wsc_base64url(position, (size_t)n, encoded);
			snprintf(path + used, sizeof(path) - (size_t)used, "%cresume=%s", fleet->users ? '&' : '?',
			         encoded);
		}
		home->at.phase = ORACLE_ASKED;
	}
	member->heard_ns = wsc_now_ns();
	member->pause_ns = 0;
	if (wsc_open(&fleet->loop, &member->client, fleet->port, path, NULL) == 0) {
		member->away = false;
		fleet->connecting++;
		return;
	}
	fleet->refusals++;
	member->due_ns = wsc_now_ns() + within_ns(fleet, fleet->jitter + 0.1);
}

/* ---- hooks ------------------------------------------------------------------------------------------------------ */

static void on_open(wsc *client)
{
	struct fleet *fleet = client->loop->data;

	fleet->connecting--;
}

static void on_message(wsc *client, unsigned opcode, const char *data, size_t len)
{
	struct fleet *fleet = client->loop->data;
	struct member *member = client->data;
	char *json = fleet->text, type[64];
	struct place *place;

	member->heard_ns = wsc_now_ns();
	if (opcode != WSC_TEXT || len >= TEXT_MAX) {
		oracle_fault(&fleet->oracle, &member->home.at, &fleet->oracle.wrong, 1, "a message that nobody sent",
		             "");
		return;
	}
	memcpy(json, data, len);
	json[len] = '\0';
	if (!wsc_scan_text(json, "\"type\"", type, sizeof(type)))
		type[0] = '\0';
	place = place_of(member, json);
	if (strcmp(type, "bench") == 0 && place != NULL) {
		oracle_published(&fleet->oracle, &place->at, json);
	} else if (!member->greeted && (strcmp(type, "connected") == 0 || strcmp(type, "connection") == 0)) {
		greeted(member, json);
	} else if (strcmp(type, "subscribed") == 0 && place != NULL) {
		oracle_placed(&fleet->oracle, &place->at, json);
	} else if (strcmp(type, "unsubscribed") == 0 && place != NULL) {
		place->at.phase = ORACLE_OUT;
		place->at.known = false;
	} else if (strcmp(type, "gap") == 0 && place != NULL) {
		oracle_left_out(&fleet->oracle, &place->at, json);
	} else if (strcmp(type, "heartbeat") == 0) {
		fleet->heartbeats++;
	} else if (strcmp(type, "server_draining") == 0) {
		fleet->hinted += wsc_scan_number(json, "\"reconnect_after_ms\"", &member->hint_ms);
	} else if (strcmp(type, "error") == 0) {
		oracle_fault(&fleet->oracle, &member->home.at, &fleet->errors, 1, "an error", json);
		if (member->home.at.phase == ORACLE_ASKED)
			wsc_abort(client); /* and tries again */
	} else if (strcmp(type, "pong") != 0 && strcmp(type, "reply") != 0) {
		oracle_fault(&fleet->oracle, &member->home.at, &fleet->oracle.wrong, 1, "not expected", json);
	}
}

static void on_closed(wsc *client, int end)
{
	struct fleet *fleet = client->loop->data;
	struct member *member = client->data;
	double window = fleet->jitter;
	unsigned i;

	if (client->http_status != 101)
		fleet->connecting--;
	fleet->ends += member->greeted;
	if (!member->greeted) {
		fleet->refusals++;
		member->refused++;
		for (i = 0; i < member->refused && i < 3; i++)
			window = window * 2 + 0.05;
	}
	for (i = 0; i < CODES && member->greeted; i++) {
		if (fleet->codes[i].count == 0)
			fleet->codes[i].code = end;
		if (fleet->codes[i].code == end) {
			fleet->codes[i].count++;
			break;
		}
	}
	member->home.at.phase = member->guest.at.phase = ORACLE_OUT;
	member->guest.at.known = false;
	member->away = true;
	member->due_ns = wsc_now_ns() + (member->hint_ms > 0 ? member->hint_ms * 1000000u : within_ns(fleet, window));
}

/* ---- what clients do of themselves ------------------------------------------------------------------------------ */

static void drop(struct fleet *fleet, struct member *member)
{
	if (member->away)
		return;
	fleet->dropped++;
	wsc_abort(&member->client);
}

static void pause_reading(struct fleet *fleet, struct member *member, double seconds)
{
	if (member->away || member->client.state != WSC_OPEN)
		return;
	fleet->paused++;
	member->pause_ns = wsc_now_ns() + (uint64_t)(seconds * 1e9);
	wsc_set_reading(&member->client, false);
}

/* Joins another room for a while, or leaves it again. */
static void visit(struct fleet *fleet, struct member *member)
{
	struct place *guest = &member->guest;
	char command[128];

	if (!member->greeted || member->away || fleet->rooms < 2 || guest->at.phase == ORACLE_ASKED ||
	    guest->at.phase == ORACLE_LEAVING)
		return;
	fleet->visited++;
	if (guest->at.phase == ORACLE_OUT) {
		guest->room = fleet->first_room + (member->home.room - fleet->first_room + 1 +
		                                   (unsigned)(next_random(fleet) % (fleet->rooms - 1))) %
		                                          fleet->rooms;
		guest->at.known = false;
		subscribe(member, guest);
		return;
	}
	snprintf(command, sizeof(command), "{\"action\":\"unsubscribe\",\"room\":\"project:r%u\"}", guest->room);
	if (wsc_send_text(&member->client, command) == 0)
		guest->at.phase = ORACLE_LEAVING;
}

static struct member *anybody(struct fleet *fleet)
{
	return &fleet->members[next_random(fleet) % fleet->n];
}

/* How many of something that happens `rate` times a second are due after `seconds`. */
static unsigned due(struct fleet *fleet, double rate, double seconds)
{
	double expected = rate * seconds;
	unsigned whole = (unsigned)expected;

	return whole + ((double)(next_random(fleet) % 1000000u) < (expected - whole) * 1e6 ? 1 : 0);
}

static void churn(struct fleet *fleet, uint64_t now)
{
	double seconds = (double)(now - fleet->churned_ns) * 1e-9;
	unsigned i;

	if (seconds < 0.02)
		return;
	fleet->churned_ns = now;
	for (i = due(fleet, fleet->drops, seconds); i > 0; i--)
		drop(fleet, anybody(fleet));
	for (i = due(fleet, fleet->pauses, seconds); i > 0; i--)
		pause_reading(fleet, anybody(fleet), 10.0 * (double)(next_random(fleet) % 1000u) / 1000.0);
	for (i = due(fleet, fleet->visits, seconds); i > 0; i--)
		visit(fleet, anybody(fleet));
}

static void look_at_all(struct fleet *fleet, uint64_t now)
{
	unsigned i;

	if (now - fleet->scanned_ns < 5000000u)
		return;
	fleet->scanned_ns = now;
	for (i = 0; i < fleet->n; i++) {
		struct member *member = &fleet->members[i];

		if (member->away) {
			if (!member->stays_away && now >= member->due_ns && fleet->connecting < fleet->parallel)
				come(fleet, member);
			continue;
		}
		if (member->pause_ns != 0) {
			if (now >= member->pause_ns) {
				member->pause_ns = 0;
				member->heard_ns = now;
				wsc_set_reading(&member->client, true);
			}
			continue;
		}
		if (fleet->silence > 0 && (double)(now - member->heard_ns) * 1e-9 > fleet->silence) {
			fleet->gave_up++;
			wsc_abort(&member->client);
		}
	}
}

/* ---- commands --------------------------------------------------------------------------------------------------- */

static void status(struct fleet *fleet, uint64_t target)
{
	unsigned joined = 0, reached = 0, open = 0, i;
	const char *comma = "";

	for (i = 0; i < fleet->n; i++) {
		const struct member *member = &fleet->members[i];

		open += !member->away && member->greeted;
		joined += member->home.at.phase == ORACLE_IN;
		reached += member->home.at.phase == ORACLE_IN && member->home.at.last == target;
	}
	printf("{\"clients\":%u,\"open\":%u,\"joined\":%u,\"reached\":%u", fleet->n, open, joined, reached);
#define COUNT(name)                                                                                                    \
	printf(",\"%s\":%llu", strchr(#name, '.') ? strchr(#name, '.') + 1 : #name, (unsigned long long)fleet->name)
	COUNT(oracle.messages);
	COUNT(connections);
	COUNT(oracle.recovered);
	COUNT(oracle.told);
	COUNT(oracle.gaps);
	COUNT(oracle.needless);
	COUNT(oracle.silent);
	COUNT(oracle.duplicates);
	COUNT(oracle.wrong);
	COUNT(oracle.twice);
	COUNT(errors);
	COUNT(heartbeats);
	COUNT(hinted);
	COUNT(gave_up);
	COUNT(dropped);
	COUNT(paused);
	COUNT(visited);
	COUNT(refusals);
	COUNT(ends);
#undef COUNT
	printf(",\"protocol_errors\":%llu,\"ends_by_code\":{", (unsigned long long)fleet->loop.protocol_errors);
	for (i = 0; i < CODES && fleet->codes[i].count > 0; i++) {
		printf("%s\"%d\":%llu", comma, fleet->codes[i].code, (unsigned long long)fleet->codes[i].count);
		comma = ",";
	}
	printf("},\"first_fault\":\"");
	for (i = 0; fleet->oracle.first_fault[i] != '\0'; i++)
		putchar(fleet->oracle.first_fault[i] == '"' || fleet->oracle.first_fault[i] == '\\'
				? '\''
				: fleet->oracle.first_fault[i]);
	printf("%s%s\"}\n", fleet->loop.last_error != NULL ? " protocol: " : "",
	       fleet->loop.last_error != NULL ? fleet->loop.last_error : "");
	fflush(stdout);
}

/* 4: leaves, 5: comes back, 6: forgets its position. */
static void absent(struct fleet *fleet, struct member *member, int which)
{
	if (which == 6) {
		member->home.at.known = false;
		return;
	}
	member->stays_away = which == 4;
	if (member->stays_away)
		drop(fleet, member);
}

/* False: the program is to end. */
static bool obey(struct fleet *fleet, const char *line)
{
	unsigned m = 0, k = 0, i;
	unsigned long long target = 0;
	double seconds = 0;
	char text[1024] = "";
	int which;

	which = sscanf(line, "drop %u %u", &m, &k) == 2                   ? 1
	        : sscanf(line, "pause %u %u %lf", &m, &k, &seconds) == 3  ? 2
	        : sscanf(line, "say %u %u %1023[^\n]", &m, &k, text) == 3 ? 3
	        : sscanf(line, "leave %u %u", &m, &k) == 2                ? 4
	        : sscanf(line, "back %u %u", &m, &k) == 2                 ? 5
	        : sscanf(line, "forget %u %u", &m, &k) == 2               ? 6
	                                                                  : 0;
	for (i = 0; which != 0 && m > 0 && i < fleet->n; i++) {
		if (i % m != k)
			continue;
		if (which >= 4) {
			absent(fleet, &fleet->members[i], which);
			continue;
		}
		if (which == 1)
			drop(fleet, &fleet->members[i]);
		else if (which == 2)
			pause_reading(fleet, &fleet->members[i], seconds);
		else
			wsc_send_text(&fleet->members[i].client, text);
	}
	if (which == 0 && sscanf(line, "reached %llu", &target) != 1 &&
	    sscanf(line, "jitter %lf", &fleet->jitter) != 1 &&
	    sscanf(line, "churn %lf %lf %lf", &fleet->drops, &fleet->pauses, &fleet->visits) != 3 &&
	    strncmp(line, "status", 6) != 0 && strncmp(line, "end", 3) != 0)
		fprintf(stderr, "fleet: not understood: %s", line);
	status(fleet, target);
	return strncmp(line, "end", 3) != 0;
}

/* Carries out the whole lines that have come; false when the program is to end. */
static bool commands(struct fleet *fleet)
{
	static const int once = 1;
	char line[2048];
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

	while (poll(&input, (nfds_t)once, 0) > 0) {
		if (fgets(line, sizeof(line), stdin) == NULL || !obey(fleet, line))
			return false;
	}
	return true;
}

static int parse(struct fleet *fleet, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		const char *name = argv[i], *value = argv[i + 1];
		unsigned number = (unsigned)strtoul(value, NULL, 10);

		if (strcmp(name, "--port") == 0)
			fleet->port = number;
		else if (strcmp(name, "--address") == 0)
			fleet->loop.peer = inet_addr(value);
		else if (strcmp(name, "--clients") == 0)
			fleet->n = number;
		else if (strcmp(name, "--rooms") == 0)
			fleet->rooms = number;
		else if (strcmp(name, "--history") == 0)
			fleet->oracle.history = number;
		else if (strcmp(name, "--silence") == 0)
			fleet->silence = strtod(value, NULL);
		else if (strcmp(name, "--jitter") == 0)
			fleet->jitter = strtod(value, NULL);
		else if (strcmp(name, "--parallel") == 0)
			fleet->parallel = number;
		else if (strcmp(name, "--receive-buffer") == 0)
			fleet->receive_buffer = (int)number;
		else if (strcmp(name, "--seed") == 0)
			fleet->seed = number;
		else if (strcmp(name, "--first-room") == 0)
			fleet->first_room = number;
		else if (strcmp(name, "--users") == 0)
			fleet->users = number > 0;
		else if (strcmp(name, "--remember") == 0)
			fleet->oracle.remembers = number > 0;
		else
			return -1;
	}
	return i == argc && fleet->port > 0 && fleet->n > 0 && fleet->rooms > 0 && fleet->parallel > 0 &&
	                       fleet->seed > 0
		       ? 0
		       : -1;
}

int main(int argc, char **argv)
{
	static const wsc_hooks hooks = { on_open, on_message, on_closed };
	struct fleet *fleet = calloc(1, sizeof(*fleet));
	uint32_t peer;
	unsigned i;

	if (fleet == NULL)
		return 1;
	fleet->n = 100;
	fleet->rooms = 1;
	fleet->parallel = 200;
	fleet->oracle.history = 256;
	fleet->jitter = 1.0;
	fleet->seed = 1;
	if (parse(fleet, argc, argv) != 0) {
		fprintf(stderr,
		        "usage: fleet --port P [--address A] [--clients N] [--rooms R] [--history H] [--silence S]"
		        " [--jitter S] [--parallel K] [--receive-buffer B] [--seed S] [--first-room F] [--users 1]"
		        " [--remember 1]\n");
		return 2;
	}
	peer = fleet->loop.peer;
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what there is */
	wsc_raise_nofile();
	fleet->members = calloc(fleet->n, sizeof(*fleet->members));
	if (fleet->members == NULL || wsc_loop_init(&fleet->loop, &hooks, true) != 0) {
		perror("fleet");
		return 1;
	}
	fleet->loop.peer = peer;
	fleet->loop.data = fleet;
	for (i = 0; i < fleet->n; i++) {
		struct member *member = &fleet->members[i];

		member->client.loop = &fleet->loop;
		member->client.fd = -1;
		member->client.index = i;
		member->client.data = member;
		member->client.receive_buffer = i % 3 == 0 ? fleet->receive_buffer : 0;
		member->home.at.client = member->guest.at.client = i;
		member->home.room = fleet->first_room + (fleet->users ? i : i % fleet->rooms);
		member->home.at.room = member->home.room;
		member->guest.room = (unsigned)-1;
		member->away = true;
	}
	fleet->churned_ns = wsc_now_ns();
	for (i = 0;; i++) {
		uint64_t now;

		wsc_poll(&fleet->loop, 5);
		now = wsc_now_ns();
		look_at_all(fleet, now);
		churn(fleet, now);
		if ((i & 7u) == 0 && !commands(fleet))
			break;
	}
	return 0; /* the system closes the sockets: thousands of them at once, without a word */
}
