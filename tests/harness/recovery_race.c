/*
 * recovery_race.c - publications racing with subscribe, `since` and `?resume=`: no silent gap, no duplicate.
 *
 *   recovery_race [--iterations N] [--clients M] [--rooms R] [--history H] [--seed S]
 *
 * The core runs in this process. One thread publishes to R rooms without pause, the n-th publication of a room holding
 * {"n": n}; M clients come, go, unsubscribe and return at random moments. The oracle, for each client and room:
 *
 *   - after an answer with recovered:true, the next message is the one after the position that the client named;
 *   - after recovered:false, it is the one after the position that the answer named;
 *   - from then on offsets rise by exactly 1, and message `offset` is the `offset`-th publication of the room;
 *   - recovered:false is allowed only where the epoch differs or more than H messages were missed (the offset named may
 *     also lie in the future), and demanded there;
 *   - a message `gap` names the position from which it goes on, and how many messages that leaves out;
 *   - nothing arrives after `unsubscribed`;
 *   - the server ends no connection but with 4413, where what a client is owed does not fit into its small queue.
 *
 * Every other client has a small receive buffer and now and then stops reading, so that the server's socket is full while
 * it replays and publishes.
 *
 * Prints one JSON line; exits with 1 if anything was broken, saying what first. With the same seed the clients do the same
 * things; the threads' timing is the machine's.
 */
#include "../client/ws_client.h"
#include "../client/ws_scan.h"
#include "ws_manager.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_ROOMS = 64, EPOCH_LEN = 64 };

enum way { BY_SUBSCRIBE, BY_SINCE, BY_WRONG_EPOCH, BY_FUTURE, BY_RESUME, WAYS };
static const char *const way_names[WAYS] = { "subscribe", "since", "wrong_epoch", "future", "resume" };

enum phase { AWAY, GREETING, ANSWER, JOINED, LEAVING, LEFT };

struct race {
	unsigned iterations, n_clients, n_rooms, history;
	uint64_t seed;
	wsm_runtime *runtime;
	wsc_loop loop;
	struct visitor *visitors;
	atomic_bool stop;
	_Atomic uint64_t published;
	/* counts */
	unsigned begun, joined_by[WAYS], recovered, reset, gaps, pauses, slow;
	uint64_t messages, replayed, faults;
	char first_fault[512];
};

struct visitor {
	wsc client;
	enum phase phase;
	enum way way;
	unsigned room;
	unsigned stay;           /* messages until it leaves */
	uint64_t due_ns;         /* when it comes back */
	uint64_t reads_again_ns; /* 0: it reads */
	bool has_position;       /* epoch and last are known for this room */
	bool gone;               /* the connection is closed while AWAY */
	char epoch[EPOCH_LEN];
	uint64_t last; /* offset of the newest message that it has */
	char named_epoch[EPOCH_LEN];
	uint64_t named; /* the position it asked to recover from */
};

static uint64_t next_random(struct race *race)
{
	race->seed ^= race->seed << 13;
	race->seed ^= race->seed >> 7;
	race->seed ^= race->seed << 17;
	return race->seed;
}

__attribute__((format(printf, 3, 4))) static void fault(struct visitor *visitor, const char *message,
                                                        const char *format, ...)
{
	struct race *race = visitor->client.loop->data;
	va_list args;
	size_t n;

	if (race->faults++ > 0)
		return;
	va_start(args, format);
	vsnprintf(race->first_fault, sizeof(race->first_fault), format, args);
	va_end(args);
	n = strlen(race->first_fault);
	snprintf(race->first_fault + n, sizeof(race->first_fault) - n,
	         " (client %u, room project:r%u, joined by %s): ", visitor->client.index, visitor->room,
	         way_names[visitor->way]);
	fprintf(stderr, "recovery_race: %s%.300s\n", race->first_fault, message);
}

/* ---- what a visitor does -------------------------------------------------------------------------------------------- */

static void come(struct race *race, struct visitor *visitor)
{
	char path[512], position[256], encoded[400];

	if (!visitor->has_position)
		visitor->way = BY_SUBSCRIBE;
	else if (visitor->phase == AWAY && next_random(race) % 2 == 0)
		visitor->way = BY_RESUME;
	else
		visitor->way = (enum way)(next_random(race) % BY_RESUME);
	snprintf(visitor->named_epoch, EPOCH_LEN, "%s",
	         visitor->way == BY_WRONG_EPOCH ? "nosuchepoch" : visitor->epoch);
	visitor->named = visitor->way == BY_FUTURE ? visitor->last + 1000000u : visitor->last;
	if (visitor->phase == LEFT) {
		visitor->phase = ANSWER;
		if (visitor->way == BY_SUBSCRIBE)
			snprintf(position, sizeof(position), "{\"action\":\"subscribe\",\"room\":\"project:r%u\"}",
			         visitor->room);
		else
			snprintf(position, sizeof(position),
			         "{\"action\":\"subscribe\",\"project_id\":\"r%u\",\"since\":{\"epoch\":\"%s\","
			         "\"offset\":%llu}}",
			         visitor->room, visitor->named_epoch, (unsigned long long)visitor->named);
		wsc_send_text(&visitor->client, position);
		return;
	}
	snprintf(path, sizeof(path), "/ws");
	if (visitor->way == BY_RESUME) {
		int n = snprintf(position, sizeof(position), "{\"project:r%u\":[\"%s\",%llu]}", visitor->room,
		                 visitor->named_epoch, (unsigned long long)visitor->named);

		wsc_base64url(position, (size_t)n, encoded);
		snprintf(path, sizeof(path), "/ws/project/r%u?resume=%s", visitor->room, encoded);
	}
	visitor->phase = GREETING;
	visitor->gone = false;
	if (wsc_open(&race->loop, &visitor->client, wsm_runtime_port(race->runtime), path, NULL) != 0)
		fault(visitor, "", "cannot connect");
}

static void leave(struct race *race, struct visitor *visitor)
{
	char command[128];

	/* As a rule it is back at once; now and then it stays away for longer than the history reaches back. */
	visitor->due_ns = wsc_now_ns() + next_random(race) % (next_random(race) % 16 == 0 ? 400000000u : 4000000u);
	if (next_random(race) % 2 == 0) {
		visitor->phase = AWAY;
		wsc_abort(&visitor->client);
		return;
	}
	visitor->phase = LEAVING;
	snprintf(command, sizeof(command), "{\"action\":\"unsubscribe\",\"room\":\"project:r%u\"}", visitor->room);
	wsc_send_text(&visitor->client, command);
}

/* `json` holds epoch, offset and recovered of the room: a `subscribed` answer, or the greeting's entry. */
static void joined(struct race *race, struct visitor *visitor, const char *json, bool named)
{
	char epoch[EPOCH_LEN];
	uint64_t offset, replayed;
	const char *verdict = wsc_scan_after(json, "\"recovered\"");
	bool recovered, possible;

	if (!wsc_scan_text(json, "\"epoch\"", epoch, EPOCH_LEN) || !wsc_scan_number(json, "\"offset\"", &offset) ||
	    verdict == NULL) {
		fault(visitor, json, "an answer without epoch, offset and recovered");
		return;
	}
	recovered = strncmp(verdict, "true", 4) == 0;
	possible = named && strcmp(epoch, visitor->named_epoch) == 0 && visitor->named <= offset &&
	           offset - visitor->named <= race->history;
	if (recovered && !possible)
		fault(visitor, json, "recovered, but %llu of epoch %s was named", (unsigned long long)visitor->named,
		      visitor->named_epoch);
	if (!recovered && possible)
		fault(visitor, json, "not recovered, although only %llu messages were missed",
		      (unsigned long long)(offset - visitor->named));
	if (wsc_scan_number(json, "\"replayed\"", &replayed) && replayed != (recovered ? offset - visitor->named : 0))
		fault(visitor, json, "replayed is %llu; named was %llu", (unsigned long long)replayed,
		      (unsigned long long)visitor->named);
	if (recovered) {
		race->recovered++;
		race->replayed += offset - visitor->named;
		visitor->last = visitor->named;
	} else {
		race->reset++;
		visitor->last = offset;
	}
	snprintf(visitor->epoch, EPOCH_LEN, "%s", epoch);
	visitor->has_position = true;
	visitor->phase = JOINED;
	race->joined_by[visitor->way]++;
	race->begun++;
	visitor->stay = (unsigned)(next_random(race) % 12u);
	if (visitor->stay == 0)
		leave(race, visitor);
}

/* It stops reading for a while: up to a tenth of a second. */
static void stop_reading(struct race *race, struct visitor *visitor)
{
	race->pauses++;
	visitor->reads_again_ns = wsc_now_ns() + next_random(race) % 100000000u;
	wsc_set_reading(&visitor->client, false);
}

static void left_out(struct race *race, struct visitor *visitor, const char *json)
{
	uint64_t offset, missed;

	if (!wsc_scan_number(json, "\"offset\"", &offset) || !wsc_scan_number(json, "\"missed\"", &missed) ||
	    offset != visitor->last + missed)
		fault(visitor, json, "a gap that does not begin at %llu", (unsigned long long)visitor->last);
	visitor->last = offset;
	race->gaps++;
}

static void published(struct race *race, struct visitor *visitor, const char *json)
{
	uint64_t offset, n;

	if (visitor->phase != JOINED && visitor->phase != LEAVING) {
		fault(visitor, json, "a message of the room while not in it");
		return;
	}
	if (!wsc_scan_number(json, "\"offset\"", &offset) || !wsc_scan_number(json, "\"n\"", &n)) {
		fault(visitor, json, "a message without offset");
		return;
	}
	if (offset != visitor->last + 1)
		fault(visitor, json, "%s: offset %llu after %llu", offset > visitor->last ? "gap" : "duplicate",
		      (unsigned long long)offset, (unsigned long long)visitor->last);
	if (n != offset)
		fault(visitor, json, "offset %llu holds publication %llu", (unsigned long long)offset,
		      (unsigned long long)n);
	visitor->last = offset;
	race->messages++;
	if (visitor->phase == JOINED && visitor->stay > 0 && --visitor->stay == 0)
		leave(race, visitor);
	else if (visitor->client.receive_buffer > 0 && next_random(race) % 32 == 0)
		stop_reading(race, visitor);
}

static void greeted(struct race *race, struct visitor *visitor, const char *json)
{
	char key[64];

	if (visitor->way != BY_RESUME) {
		visitor->phase = LEFT;
		visitor->due_ns = 0; /* subscribes at once; come() chooses how */
		come(race, visitor);
		return;
	}
	snprintf(key, sizeof(key), "\"project:r%u\"", visitor->room);
	joined(race, visitor, wsc_scan_after(json, key), true);
}

static void on_message(wsc *client, unsigned opcode, const char *data, size_t len)
{
	struct visitor *visitor = client->data;
	struct race *race = client->loop->data;
	char json[8192], type[EPOCH_LEN];

	if (opcode != WSC_TEXT || len >= sizeof(json)) {
		fault(visitor, "", "a message of %zu bytes, opcode %u", len, opcode);
		return;
	}
	memcpy(json, data, len);
	json[len] = '\0';
	if (!wsc_scan_text(json, "\"type\"", type, EPOCH_LEN))
		fault(visitor, json, "a message without type");
	else if (strcmp(type, "race") == 0)
		published(race, visitor, json);
	else if (strcmp(type, "gap") == 0 && (visitor->phase == JOINED || visitor->phase == LEAVING))
		left_out(race, visitor, json);
	else if (visitor->phase == GREETING && (strcmp(type, "connected") == 0 || strcmp(type, "connection") == 0))
		greeted(race, visitor, json);
	else if (visitor->phase == ANSWER && strcmp(type, "subscribed") == 0)
		joined(race, visitor, json, visitor->way != BY_SUBSCRIBE);
	else if (visitor->phase == LEAVING && strcmp(type, "unsubscribed") == 0)
		visitor->phase = LEFT;
	else
		fault(visitor, json, "not expected in phase %d", (int)visitor->phase);
}

static void on_closed(wsc *client, int end)
{
	struct visitor *visitor = client->data;
	struct race *race = client->loop->data;

	if (end == 4413) {
		race->slow++; /* it is told, so it is no silent gap: it comes back, and its position stands */
		visitor->due_ns = 0;
	} else if (end != WSC_END_LOCAL) {
		fault(visitor, "", "the server ended the connection: %d", end);
	}
	visitor->phase = AWAY;
	visitor->gone = true;
}

/* ---- the two threads ------------------------------------------------------------------------------------------------ */

static void *publish_all(void *arg)
{
	struct race *race = arg;
	uint64_t counts[MAX_ROOMS] = { 0 }, random = race->seed * 7u + 1u;
	struct timespec pause = { 0, 0 };

	while (!atomic_load(&race->stop)) {
		unsigned room, burst, i;
		char name[32], data[6000];

		random = random * 6364136223846793005u + 1442695040888963407u;
		room = (unsigned)(random >> 33) % race->n_rooms;
		burst = 1u + (unsigned)(random >> 40) % 4u;
		for (i = 0; i < burst; i++) {
			wsm_slice id = { name, (size_t)snprintf(name, sizeof(name), "r%u", room) };
			wsm_publication publication = {
				.target = WSM_TO_PROJECT, .ids = &id, .n_ids = 1, .type = { "race", 4 }
			};
			/* Of all sizes, so that a few of them fill a socket. */
			int n = snprintf(data, sizeof(data), "{\"n\":%llu,\"pad\":\"%*s\"}",
			                 (unsigned long long)++counts[room], (int)((random >> 45) % 5000u), "");
			wsm_error error;

			if (wsm_publish(race->runtime, &publication, data, (size_t)n, NULL, &error) != WSM_OK) {
				fprintf(stderr, "recovery_race: wsm_publish: %s\n", error.message);
				exit(1);
			}
			atomic_fetch_add(&race->published, 1);
		}
		pause.tv_nsec = (long)((random >> 20) % 300000u);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void run(struct race *race)
{
	uint64_t last_progress = wsc_now_ns();
	unsigned i, before = 0;

	while (race->begun < race->iterations && race->faults == 0) {
		uint64_t now;

		wsc_poll(&race->loop, 1);
		now = wsc_now_ns();
		for (i = 0; i < race->n_clients; i++) {
			struct visitor *visitor = &race->visitors[i];

			if (visitor->reads_again_ns != 0 && now >= visitor->reads_again_ns) {
				visitor->reads_again_ns = 0;
				wsc_set_reading(&visitor->client, true);
			}
			if (((visitor->phase == AWAY && visitor->gone) || visitor->phase == LEFT) &&
			    now >= visitor->due_ns)
				come(race, visitor);
		}
		if (race->begun != before) {
			before = race->begun;
			last_progress = now;
		} else if (now - last_progress > 10000000000u) {
			race->faults++;
			snprintf(race->first_fault, sizeof(race->first_fault), "nothing has happened for 10 s");
		}
	}
}

static wsm_runtime *start(struct race *race)
{
	const char *const settings[][2] = {
		{ "host", "127.0.0.1" },
		{ "port", "0" },
		{ "max_connections", "5000" },
		{ "max_connections_per_ip", "5000" },
		{ "rate", "0" },
		/* Little: a replay then takes several turns of the loop, with live publications in between. */
		{ "max_queue", "16384" },
		{ "history_ttl", "3600" }
	};
	wsm_config *config = wsm_config_new();
	wsm_error error = { .message = "out of memory" };
	wsm_runtime *runtime = NULL;
	char size[32];
	size_t i;

	snprintf(size, sizeof(size), "%u", race->history);
	if (config == NULL || wsm_config_set(config, "history_size", size, &error) != WSM_OK)
		goto out;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (wsm_config_set(config, settings[i][0], settings[i][1], &error) != WSM_OK)
			goto out;
	runtime = wsm_runtime_new(config, &error);
	if (runtime != NULL && wsm_runtime_start(runtime, &error) == WSM_OK)
		error.message[0] = '\0';
out:
	wsm_config_free(config);
	if (error.message[0] != '\0') {
		fprintf(stderr, "recovery_race: %s\n", error.message);
		wsm_runtime_free(runtime);
		return NULL;
	}
	return runtime;
}

static void report(struct race *race, double seconds)
{
	unsigned i;

	printf("{\"iterations\":%u,\"recovered\":%u,\"reset\":%u,\"gaps\":%u,\"pauses\":%u,\"slow\":%u,\"messages\":%"
	       "llu,"
	       "\"replayed\":%llu,\"published\":%"
	       "llu",
	       race->begun, race->recovered, race->reset, race->gaps, race->pauses, race->slow,
	       (unsigned long long)race->messages, (unsigned long long)race->replayed,
	       (unsigned long long)atomic_load(&race->published));
	for (i = 0; i < WAYS; i++)
		printf(",\"%s\":%u", way_names[i], race->joined_by[i]);
	printf(",\"seconds\":%.2f,\"faults\":%llu,\"first_fault\":\"%s\"}\n", seconds, (unsigned long long)race->faults,
	       race->first_fault);
}

static int parse(struct race *race, int argc, char **argv)
{
	int i;

	for (i = 1; i + 1 < argc; i += 2) {
		unsigned long long value = strtoull(argv[i + 1], NULL, 10);

		if (strcmp(argv[i], "--iterations") == 0)
			race->iterations = (unsigned)value;
		else if (strcmp(argv[i], "--clients") == 0)
			race->n_clients = (unsigned)value;
		else if (strcmp(argv[i], "--rooms") == 0)
			race->n_rooms = (unsigned)value;
		else if (strcmp(argv[i], "--history") == 0)
			race->history = (unsigned)value;
		else if (strcmp(argv[i], "--seed") == 0)
			race->seed = value;
		else
			return -1;
	}
	return i == argc && race->n_rooms > 0 && race->n_rooms <= MAX_ROOMS && race->seed > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	static const wsc_hooks hooks = { NULL, on_message, on_closed };
	struct race race = { .iterations = 10000, .n_clients = 64, .n_rooms = 8, .history = 64, .seed = 1 };
	pthread_t publisher;
	uint64_t begin = wsc_now_ns();
	unsigned i;

	if (parse(&race, argc, argv) != 0) {
		fprintf(stderr,
		        "usage: recovery_race [--iterations N] [--clients M] [--rooms R <= %d] [--history H] [--seed "
		        "S]\n",
		        MAX_ROOMS);
		return 2;
	}
	race.visitors = calloc(race.n_clients, sizeof(*race.visitors));
	race.runtime = start(&race);
	if (race.visitors == NULL || race.runtime == NULL || wsc_loop_init(&race.loop, &hooks, true) != 0)
		return 1;
	race.loop.data = &race;
	for (i = 0; i < race.n_clients; i++) {
		race.visitors[i].client.index = i;
		race.visitors[i].client.data = &race.visitors[i];
		race.visitors[i].client.receive_buffer = i / race.n_rooms % 2 == 0 ? 0 : 4096;
		race.visitors[i].room = i % race.n_rooms;
		race.visitors[i].gone = true;
	}
	if (pthread_create(&publisher, NULL, publish_all, &race) != 0)
		return 1;
	run(&race);
	atomic_store(&race.stop, true);
	pthread_join(publisher, NULL);
	for (i = 0; i < race.n_clients; i++) {
		if (race.visitors[i].client.state != WSC_IDLE)
			wsc_abort(&race.visitors[i].client);
		wsc_fini(&race.visitors[i].client);
	}
	wsc_loop_fini(&race.loop);
	wsm_runtime_stop(race.runtime, 1000);
	wsm_runtime_free(race.runtime);
	free(race.visitors);
	report(&race, (double)(wsc_now_ns() - begin) * 1e-9);
	return race.faults == 0 && race.loop.protocol_errors == 0 ? 0 : 1;
}
