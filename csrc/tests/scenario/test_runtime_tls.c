/* TLS on the own port: WebSocket and REST through it, what is refused, time limits, and a new certificate without a restart. */
#include "tls_peer.h"

#include <sys/socket.h>
#include <unistd.h>

static struct host host;
static struct raw_frame frame;
static char folder[64], cert[96], key[96], other_cert[96], other_key[96];

#define OPEN(...) host_open(&host, "tls_cert", cert, "tls_key", key, __VA_ARGS__)

static int make_files(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/wsm-tls-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(cert, sizeof(cert), "%s/cert.pem", folder);
	snprintf(key, sizeof(key), "%s/key.pem", folder);
	snprintf(other_cert, sizeof(other_cert), "%s/other-cert.pem", folder);
	snprintf(other_key, sizeof(other_key), "%s/other-key.pem", folder);
	tls_make(cert, key, "first");
	tls_make(other_cert, other_key, "second");
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	unlink(cert);
	unlink(key);
	unlink(other_cert);
	unlink(other_key);
	return rmdir(folder);
}

static int close_host(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static void copy_file(const char *from, const char *to)
{
	char bytes[8192];
	FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	size_t len = fread(bytes, 1, sizeof(bytes), in);

	assert_int_equal(fwrite(bytes, 1, len, out), len);
	fclose(in);
	fclose(out);
}

/* ---- what goes through it --------------------------------------------------------------------------------------- */

static void a_websocket_from_its_greeting_to_its_close(void **state)
{
	static const unsigned char offered[] = "\x02h2\x08http/1.1";
	struct tls_peer peer;
	const unsigned char *chosen;
	unsigned len;
	wsm_event *gone;

	(void)state;
	OPEN(NULL);
	wsm_want(host.runtime, WSM_WANT_DISCONNECT);
	tls_connect(&peer, host.port);
	SSL_set_alpn_protos(peer.ssl, offered, sizeof(offered) - 1);
	assert_true(tls_shake(&peer));
	assert_true(SSL_version(peer.ssl) >= TLS1_2_VERSION);
	SSL_get0_alpn_selected(peer.ssl, &chosen, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(chosen, "http/1.1", 8);
	assert_int_equal(tls_upgrade(&peer, "/ws", NULL), 101);
	tls_await(&peer, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"connected\""));
	tls_frame(&peer, WSC_TEXT, "ping", 4);
	tls_await(&peer, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"pong\""));
	tls_frame(&peer, WSC_CLOSE, "\x03\xe8", 2);
	tls_await(&peer, WSC_CLOSE, &frame);
	assert_true(tls_ended_well(&peer));
	tls_close(&peer);
	gone = host_event(&host, WSM_EVENT_DISCONNECT);
	assert_int_equal(gone->code, 1000);
	wsm_event_free(gone);
	assert_int_equal(host_stat(&host, "tls_failures"), 0);
}

static void rest_on_a_kept_connection(void **state)
{
	struct tls_peer peer;
	char head[2048], *body = malloc(100000);

	(void)state;
	OPEN(NULL);
	tls_open(&peer, host.port);
	for (int i = 0; i < 3; i++) {
		size_t len;

		tls_say(&peer, "GET /api/ws/stats HTTP/1.1\r\nHost: localhost\r\n\r\n");
		tls_head(&peer, head, sizeof(head));
		assert_non_null(strstr(head, " 200 OK\r\n"));
		len = strtoul(strstr(head, "Content-Length:") + 15, NULL, 10);
		assert_in_range(len, 100, 100000);
		assert_true(tls_read(&peer, body, len));
	}
	tls_say(&peer, "GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	tls_head(&peer, head, sizeof(head));
	assert_non_null(strstr(head, " 404 "));
	assert_true(tls_read(&peer, body, strtoul(strstr(head, "Content-Length:") + 15, NULL, 10)));
	assert_true(tls_ended_well(&peer));
	tls_close(&peer);
	free(body);
}

/* The socket takes a part, libwebsockets keeps the rest, TLS goes on where it was. */
static void more_than_the_socket_takes(void **state)
{
	struct tls_peer peer;
	char *data = malloc(60101);
	int n = 0;

	(void)state;
	OPEN("max_queue", "1048576", "history_size", "10000", "history_bytes", "1000000000", NULL);
	tls_open(&peer, host.port);
	assert_int_equal(tls_upgrade(&peer, "/ws", NULL), 101);
	tls_await(&peer, WSC_TEXT, &frame);
	while (host_stat(&host, "lags") == 0) {
		snprintf(data, 60101, "{\"n\":%d,\"pad\":\"%060000d\"}", ++n, 0);
		host_send(&host, "@all", "n", data);
	}
	for (int i = 1; i <= n; i++) {
		json_t *message;

		tls_await(&peer, WSC_TEXT, &frame);
		message = json_loads(frame.data, 0, NULL);
		assert_int_equal(number_at(message, "data.n"), i);
		json_decref(message);
	}
	tls_close(&peer);
	free(data);
}

static void flush_bytes(struct tls_peer *peer, BIO *to_server)
{
	char byte;

	while (BIO_read(to_server, &byte, 1) == 1)
		raw_send(peer->fd, &byte, 1);
}

/* A record may come in any pieces, and a message in any records. */
static void bytes_one_by_one(void **state)
{
	BIO *to_server = BIO_new(BIO_s_mem()), *from_server = BIO_new(BIO_s_mem());
	struct tls_peer peer;
	char bytes[4096];
	ssize_t len;

	(void)state;
	OPEN(NULL);
	tls_connect(&peer, host.port);
	SSL_set_bio(peer.ssl, from_server, to_server);
	while (!tls_shake(&peer)) {
		flush_bytes(&peer, to_server);
		len = recv(peer.fd, bytes, sizeof(bytes), 0);
		assert_true(len > 0);
		BIO_write(from_server, bytes, (int)len);
	}
	raw_upgrade(bytes, sizeof(bytes), "/ws", NULL);
	for (size_t i = 0; i < strlen(bytes); i++)
		tls_send(&peer, bytes + i, 1);
	flush_bytes(&peer, to_server);
	BIO_up_ref(from_server);
	SSL_set0_rbio(peer.ssl, BIO_new_socket(peer.fd, BIO_NOCLOSE));
	BIO_free(from_server);
	tls_head(&peer, bytes, sizeof(bytes));
	assert_non_null(strstr(bytes, " 101 "));
	tls_close(&peer);
}

static void a_client_that_ends_tls_without_a_close_frame_is_1006(void **state)
{
	struct tls_peer peer;
	wsm_event *gone;

	(void)state;
	OPEN(NULL);
	wsm_want(host.runtime, WSM_WANT_DISCONNECT);
	tls_open(&peer, host.port);
	assert_int_equal(tls_upgrade(&peer, "/ws", NULL), 101);
	tls_await(&peer, WSC_TEXT, &frame);
	SSL_shutdown(peer.ssl);
	gone = host_event(&host, WSM_EVENT_DISCONNECT);
	assert_int_equal(gone->code, 1006);
	wsm_event_free(gone);
	tls_close(&peer);
}

static void a_hand_over_stays_as_the_host_has_it(void **state)
{
	char request[1024], head[1024];
	uint64_t conn;
	int ours, theirs;

	(void)state;
	OPEN(NULL);
	raw_upgrade(request, sizeof(request), "/ws", NULL);
	raw_pair(&ours, &theirs);
	assert_int_equal(wsm_adopt(host.runtime, ours, request, strlen(request), NULL, &conn, NULL), WSM_OK);
	raw_head(theirs, head, sizeof(head));
	assert_non_null(strstr(head, " 101 "));
	close(theirs);
}

static void a_page_of_the_same_host_must_have_come_over_tls(void **state)
{
	static const struct {
		const char *origin;
		unsigned status;
	} cases[] = { { "https://live.example", 101 },
	              { "http://live.example", 403 },
	              { "https://evil.example", 403 } };

	(void)state;
	OPEN(NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_peer peer;
		char text[512], head[1024];

		snprintf(text, sizeof(text),
		         "GET /ws HTTP/1.1\r\nHost: live.example\r\nOrigin: %s\r\nUpgrade: websocket\r\n"
		         "Connection: Upgrade\r\n" RAW_KEY_LINE "Sec-WebSocket-Version: 13\r\n\r\n",
		         cases[i].origin);
		tls_open(&peer, host.port);
		tls_say(&peer, text);
		tls_head(&peer, head, sizeof(head));
		assert_int_equal(strtoul(head + 9, NULL, 10), cases[i].status);
		tls_close(&peer);
	}
}

/* ---- what is refused -------------------------------------------------------------------------------------------- */

static void plain_http_is_told_to_speak_tls(void **state)
{
	struct raw_answer answer;
	int fd;

	(void)state;
	OPEN(NULL);
	fd = raw_connect(host.port);
	raw_say(fd, "GET /ws HTTP/1.1\r\nHost: x\r\n\r\n");
	raw_answer(fd, &answer, false);
	assert_int_equal(answer.status, 400);
	assert_non_null(strstr(answer.body, "https://"));
	raw_answer_free(&answer);
	assert_true(raw_ended(fd));
	close(fd);
	fd = raw_connect(host.port);
	raw_send(fd, "\x00\x01\x02", 3);
	assert_true(raw_ended(fd));
	close(fd);
	host_stat_reaches(&host, "tls_failures", 2);
}

static void old_versions_and_other_protocols(void **state)
{
	struct tls_peer peer;

	(void)state;
	OPEN(NULL);
	tls_connect(&peer, host.port);
	SSL_set_security_level(peer.ssl, 0);
	SSL_set_min_proto_version(peer.ssl, TLS1_VERSION);
	SSL_set_max_proto_version(peer.ssl, TLS1_1_VERSION);
	assert_false(tls_shake(&peer));
	tls_close(&peer);
	tls_connect(&peer, host.port);
	SSL_set_alpn_protos(peer.ssl, (const unsigned char *)"\x02h2", 3);
	assert_false(tls_shake(&peer));
	tls_close(&peer);
	tls_connect(&peer, host.port);
	SSL_set_max_proto_version(peer.ssl, TLS1_2_VERSION);
	assert_true(tls_shake(&peer));
	assert_int_equal(tls_upgrade(&peer, "/ws", NULL), 101);
	tls_close(&peer);
	host_stat_reaches(&host, "tls_failures", 2);
}

/* Neither one who says nothing, nor half a hello, nor a hello without the rest lasts. */
static void handshakes_that_are_not_finished(void **state)
{
	struct tls_peer peer;
	char name[1];
	int silent, half;

	(void)state;
	OPEN("handshake_timeout", "0.3", NULL);
	silent = raw_connect(host.port);
	half = raw_connect(host.port);
	raw_send(half, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9);
	tls_connect(&peer, host.port);
	SSL_set_bio(peer.ssl, BIO_new(BIO_s_mem()), BIO_new_socket(peer.fd, BIO_NOCLOSE));
	assert_false(tls_shake(&peer)); /* the hello is out; the answer is not looked at */
	assert_true(raw_ended(silent));
	assert_true(raw_ended(half));
	raw_drain(peer.fd);
	close(silent);
	close(half);
	tls_close(&peer);
	assert_int_equal(host_stat(&host, "handshake_timeouts"), 3);
	tls_open(&peer, host.port); /* TLS alone is no request */
	assert_false(tls_read(&peer, name, 1));
	tls_close(&peer);
	host_stat_reaches(&host, "handshake_timeouts", 4);
}

static void garbage_inside_a_connection(void **state)
{
	struct tls_peer peer;

	(void)state;
	OPEN(NULL);
	tls_open(&peer, host.port);
	raw_send(peer.fd, "\x17\x03\x03\x00\x20garbage garbage garbage garbage!", 37);
	raw_drain(peer.fd);
	tls_close(&peer);
	tls_open(&peer, host.port);
	assert_int_equal(tls_upgrade(&peer, "/ws", NULL), 101);
	tls_close(&peer);
}

/* ---- files ------------------------------------------------------------------------------------------------------ */

static void says(const char *words, const char *first, const char *first_value, const char *second,
                 const char *second_value, const char *port)
{
	wsm_config *config = wsm_config_new();
	wsm_error error = { 0 };

	wsm_config_set(config, "port", port, NULL);
	wsm_config_set(config, first, first_value, NULL);
	if (second)
		wsm_config_set(config, second, second_value, NULL);
	assert_null(wsm_runtime_new(config, &error));
	assert_int_equal(error.status, WSM_ECONFIG);
	if (!strstr(error.message, words))
		give_up("\"%s\" does not say \"%s\"", error.message, words);
	wsm_config_free(config);
}

static void files_that_will_not_do(void **state)
{
	char path[128];
	FILE *file;

	(void)state;
	says("tls_key is not", "tls_cert", cert, NULL, NULL, "0");
	says("tls_cert is not", "tls_key", key, NULL, NULL, "0");
	says("set port", "tls_cert", cert, "tls_key", key, "");
	says("tls_cert: /nowhere/x.pem: No such file", "tls_cert", "/nowhere/x.pem", "tls_key", key, "0");
	says("tls_key: /nowhere/x.pem: No such file", "tls_cert", cert, "tls_key", "/nowhere/x.pem", "0");
	says("does not belong", "tls_cert", cert, "tls_key", other_key, "0");
	says("no certificate in PEM", "tls_cert", key, "tls_key", key, "0");
	says("no private key in PEM", "tls_cert", cert, "tls_key", cert, "0");
	snprintf(path, sizeof(path), "%s/encrypted.pem", folder);
	tls_encrypt_key(key, path);
	says("encrypted", "tls_cert", cert, "tls_key", path, "0");
	file = fopen(path, "we");
	fputs("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", file);
	fclose(file);
	says("tls_cert: ", "tls_cert", path, "tls_key", key, "0");
	unlink(path);
}

static void a_new_certificate_without_a_restart(void **state)
{
	char live_cert[128], live_key[128], name[64];
	struct tls_peer before, after;
	wsm_error error;

	(void)state;
	snprintf(live_cert, sizeof(live_cert), "%s/live-cert.pem", folder);
	snprintf(live_key, sizeof(live_key), "%s/live-key.pem", folder);
	copy_file(cert, live_cert);
	copy_file(key, live_key);
	host_open(&host, "tls_cert", live_cert, "tls_key", live_key, NULL);
	tls_open(&before, host.port);
	assert_string_equal(tls_name(&before, name), "first");
	assert_int_equal(tls_upgrade(&before, "/ws", NULL), 101);
	/* Half a change: the old one stays. */
	copy_file(other_cert, live_cert);
	assert_int_equal(wsm_reload_tls(host.runtime, &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "stays"));
	tls_open(&after, host.port);
	assert_string_equal(tls_name(&after, name), "first");
	tls_close(&after);
	/* And the whole of it. */
	copy_file(other_key, live_key);
	assert_int_equal(wsm_reload_tls(host.runtime, &error), WSM_OK);
	tls_open(&after, host.port);
	assert_string_equal(tls_name(&after, name), "second");
	tls_close(&after);
	tls_await(&before, WSC_TEXT, &frame);
	tls_frame(&before, WSC_TEXT, "ping", 4);
	tls_await(&before, WSC_TEXT, &frame);
	assert_non_null(strstr(frame.data, "\"pong\""));
	tls_close(&before);
	unlink(live_cert);
	unlink(live_key);
}

static void nothing_to_reload_without_tls(void **state)
{
	wsm_error error;

	(void)state;
	host_open(&host, NULL);
	assert_int_equal(wsm_reload_tls(host.runtime, &error), WSM_ECONFIG);
	assert_non_null(strstr(error.message, "not configured"));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_teardown(name, close_host)
	const struct CMUnitTest tests[] = {
		CASE(a_websocket_from_its_greeting_to_its_close),
		CASE(rest_on_a_kept_connection),
		CASE(more_than_the_socket_takes),
		CASE(bytes_one_by_one),
		CASE(a_client_that_ends_tls_without_a_close_frame_is_1006),
		CASE(a_hand_over_stays_as_the_host_has_it),
		CASE(a_page_of_the_same_host_must_have_come_over_tls),
		CASE(plain_http_is_told_to_speak_tls),
		CASE(old_versions_and_other_protocols),
		CASE(handshakes_that_are_not_finished),
		CASE(garbage_inside_a_connection),
		cmocka_unit_test(files_that_will_not_do),
		CASE(a_new_certificate_without_a_restart),
		CASE(nothing_to_reload_without_tls),
	};

	return cmocka_run_group_tests_name("runtime_tls", tests, make_files, remove_files);
}
