#include "sockets/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "core/core.h"
#include "policy/config.h"
#include "sockets/http.h"
#include "sockets/session.h"

#ifdef WSM_WITH_TLS

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_HANDSHAKE 0x16 /* first byte of every TLS connection, RFC 8446 section 5.1 */
#define PLAIN_MAX 16384       /* most plain bytes of a record */

struct wsm__tls {
	pthread_mutex_t lock; /* guards `context`, which a reload replaces */
	SSL_CTX *context;
	BIO_METHOD *method;
};

struct wsm__tls_link {
	SSL *ssl;
	const uint8_t *input; /* bytes that OpenSSL has not taken yet */
	size_t input_len;
	bool begun, up;
};

/* ---- certificate and key ---------------------------------------------------------------------------------------- */

static int refuse(wsm_error *error, const char *option, const char *path, const char *why)
{
	char reason[120] = "";
	unsigned long code = ERR_peek_error(); /* the first is the cause */

	if (!why) {
		ERR_error_string_n(code, reason, sizeof(reason));
		why = code ? reason : "unknown error";
	}
	ERR_clear_error();
	return wsm__fail(error, WSM_ECONFIG, "option %s: %.120s: %s", option, path, why);
}

static BIO *open_file(const char *option, const char *path, wsm_error *error)
{
	FILE *file = fopen(path, "re");
	BIO *bio = file ? BIO_new_fp(file, BIO_CLOSE) : NULL;

	if (!file)
		refuse(error, option, path, strerror(errno));
	else if (!bio)
		wsm__fail(error, WSM_ENOMEM, "out of memory");
	if (file && !bio)
		fclose(file);
	return bio;
}

/* OpenSSL calls this for an encrypted key. There is nobody to ask. */
static int no_passphrase(char *buffer, int size, int writing, void *asked)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static int use_certificate(SSL_CTX *context, const char *path, wsm_error *error)
{
	BIO *file = open_file("tls_cert", path, error); /* it says more about files than the call below */

	if (!file)
		return WSM_ECONFIG;
	BIO_free(file);
	if (SSL_CTX_use_certificate_chain_file(context, path) == 1)
		return WSM_OK;
	if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_PEM && ERR_GET_REASON(ERR_peek_error()) == PEM_R_NO_START_LINE)
		return refuse(error, "tls_cert", path, "there is no certificate in PEM (-----BEGIN CERTIFICATE-----)");
	return refuse(error, "tls_cert", path, NULL);
}

static int use_key(SSL_CTX *context, const char *path, wsm_error *error)
{
	BIO *file = open_file("tls_key", path, error);
	bool encrypted = false;
	EVP_PKEY *key;
	int status = WSM_OK;

	if (!file)
		return WSM_ECONFIG;
	key = PEM_read_bio_PrivateKey(file, NULL, no_passphrase, &encrypted);
	BIO_free(file);
	if (!key && encrypted)
		status = refuse(error, "tls_key", path, "the key is encrypted; give one without a passphrase");
	else if (!key)
		status = refuse(error, "tls_key", path, "there is no private key in PEM (-----BEGIN PRIVATE KEY-----)");
	else if (SSL_CTX_use_PrivateKey(context, key) != 1 || SSL_CTX_check_private_key(context) != 1)
		status = refuse(error, "tls_key", path, "the key does not belong to the certificate in tls_cert");
	EVP_PKEY_free(key);
	return status;
}

/* RFC 7301: this port speaks HTTP/1.1 only. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                       unsigned in_len, void *argument)
{
	static const unsigned char ours[] = "\x08http/1.1";

	(void)ssl;
	(void)argument;
	if (SSL_select_next_proto((unsigned char **)(uintptr_t)out, out_len, ours, sizeof(ours) - 1, in, in_len) ==
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_OK;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Loads certificate and key. Returns NULL and fills `error` on failure. */
static SSL_CTX *load(const struct wsm_config *config, wsm_error *error)
{
	SSL_CTX *context;
	int status;

	ERR_clear_error();
	context = SSL_CTX_new(TLS_server_method());
	if (!context) {
		wsm__fail(error, WSM_ENOMEM, "out of memory");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	/* Idle connections hold no buffers; TLS sessions resume by tickets, which take no memory here. */
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(context, choose_alpn, NULL);
	status = use_certificate(context, config->tls_cert, error);
	if (!status)
		status = use_key(context, config->tls_key, error);
	if (!status)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

/* ---- what OpenSSL reads from and writes to ---------------------------------------------------------------------- */

static int pipe_read(BIO *bio, char *out, int size)
{
	struct wsm__session *session = BIO_get_data(bio);
	struct wsm__tls_link *link = session->tls;
	size_t len = size > 0 ? (size_t)size : 0;

	BIO_clear_retry_flags(bio);
	if (!link->input_len) {
		BIO_set_retry_read(bio);
		return -1;
	}
	if (len > link->input_len)
		len = link->input_len;
	memcpy(out, link->input, len);
	link->input += len;
	link->input_len -= len;
	return (int)len;
}

/* Never asks for a retry: libwebsockets keeps what the socket does not take. */
static int pipe_write(BIO *bio, const char *data, int len)
{
	BIO_clear_retry_flags(bio);
	return wsm__session_write_raw(BIO_get_data(bio), data, (size_t)len) ? len : -1;
}

static long pipe_control(BIO *bio, int command, long number, void *argument)
{
	(void)bio;
	(void)number;
	(void)argument;
	return command == BIO_CTRL_FLUSH;
}

/* ---- the runtime's part ----------------------------------------------------------------------------------------- */

void wsm__tls_fini(wsm_runtime *runtime)
{
	struct wsm__tls *tls = runtime->tls;

	if (!tls)
		return;
	SSL_CTX_free(tls->context);
	BIO_meth_free(tls->method);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
	runtime->tls = NULL;
}

int wsm__tls_init(wsm_runtime *runtime, wsm_error *error)
{
	wsm_error why = { .status = WSM_ECONFIG };
	struct wsm__tls *tls;

	if (!*runtime->config->tls_cert)
		return WSM_OK;
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	pthread_mutex_init(&tls->lock, NULL);
	runtime->tls = tls;
	tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "ws_manager");
	if (!tls->method)
		return wsm__fail(error, WSM_ENOMEM, "out of memory");
	BIO_meth_set_read(tls->method, pipe_read);
	BIO_meth_set_write(tls->method, pipe_write);
	BIO_meth_set_ctrl(tls->method, pipe_control);
	tls->context = load(runtime->config, &why);
	return tls->context ? WSM_OK : wsm__fail(error, why.status, "%s", why.message);
}

int wsm_reload_tls(wsm_runtime *runtime, wsm_error *error)
{
	wsm_error why = { .status = WSM_ECONFIG };
	SSL_CTX *context, *before;
	int status = wsm__runtime_check_fork(runtime, error);

	if (status)
		return status;
	if (!runtime->tls)
		return wsm__fail(error, WSM_ECONFIG,
		                 "TLS is not configured: set tls_cert and tls_key before the start");
	context = load(runtime->config, &why);
	if (!context)
		return wsm__fail(error, why.status, "%s; the certificate in force stays", why.message);
	pthread_mutex_lock(&runtime->tls->lock);
	before = runtime->tls->context;
	runtime->tls->context = context;
	pthread_mutex_unlock(&runtime->tls->lock);
	SSL_CTX_free(before); /* connections that were made with it hold references of their own */
	return WSM_OK;
}

/* ---- one connection --------------------------------------------------------------------------------------------- */

static void end(struct wsm__session *session, bool notify)
{
	struct wsm__tls_link *link = session->tls;

	ERR_clear_error();
	if (notify && link->up)
		SSL_shutdown(link->ssl);
	session->tls = NULL;
	session->filter = NULL;
	SSL_free(link->ssl);
	free(link);
	ERR_clear_error();
}

static bool tls_write(struct wsm__session *session, const void *data, size_t len)
{
	size_t written;

	ERR_clear_error();
	if (!len || SSL_write_ex(session->tls->ssl, data, len, &written) == 1) /* all of it: no partial writes */
		return true;
	wsm__session_doom(session);
	return false;
}

/* Answers a client that speaks plain HTTP here in HTTP; just ends others, which would not understand that. */
static void refuse_plain(struct wsm__session *session, uint8_t first)
{
	session->core->counters.tls_failures++;
	end(session, false);
	if (first >= 'A' && first <= 'Z')
		wsm__entry_refuse(session, 400, "", "this port speaks TLS: use https:// or wss://");
	else
		wsm__session_doom(session);
}

/* Goes on with the handshake. Returns true once it is complete. */
static bool shake_hands(struct wsm__session *session)
{
	struct wsm__tls_link *link = session->tls;
	int result = SSL_do_handshake(link->ssl);

	if (result == 1) {
		link->up = true;
		return true;
	}
	if (SSL_get_error(link->ssl, result) == SSL_ERROR_WANT_READ)
		return false;
	session->core->counters.tls_failures++;
	wsm__session_linger(session); /* so that the alert of OpenSSL arrives */
	return false;
}

/* Handles a read without data: for now, or for good. */
static void stop_reading(struct wsm__session *session, int result)
{
	switch (SSL_get_error(session->tls->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		break;
	case SSL_ERROR_ZERO_RETURN: /* close_notify */
		if (session->phase == WSM__OPEN)
			wsm__session_doom(session);
		else
			wsm__session_linger(session);
		break;
	default:
		wsm__session_doom(session);
		break;
	}
}

static void tls_receive(struct wsm__session *session, const uint8_t *data, size_t len)
{
	struct wsm__tls_link *link = session->tls;
	uint8_t *plain = session->core->plain;

	if (!len)
		return;
	if (!link->begun && data[0] != RECORD_HANDSHAKE) {
		refuse_plain(session, data[0]);
		return;
	}
	link->begun = true;
	link->input = data;
	link->input_len = len;
	ERR_clear_error();
	if (!link->up && !shake_hands(session))
		return;
	while (session->tls == link && session->phase != WSM__DOOMED) {
		int result = SSL_read(link->ssl, plain, PLAIN_MAX);

		if (result <= 0) {
			stop_reading(session, result);
			break;
		}
		wsm__session_receive_plain(session, plain, (size_t)result);
		ERR_clear_error();
	}
}

/* A TLS handshake is expensive: averages its cost, so that the listener does not accept too many at once. */
static void handshake_step(struct wsm__session *session, const uint8_t *data, size_t len)
{
	struct wsm__core *core = session->core; /* the session may be gone afterwards */
	uint64_t start = wsm__mono_us(), took;

	tls_receive(session, data, len);
	took = wsm__mono_us() - start;
	core->tls_handshake_us = (core->tls_handshake_us * 7 + took) / 8;
}

static void receive(struct wsm__session *session, uint8_t *data, size_t len)
{
	if (session->tls->up)
		tls_receive(session, data, len);
	else
		handshake_step(session, data, len);
}

static const struct wsm__session_filter filter = { .receive = receive, .write = tls_write, .end = end };

bool wsm__tls_begin(struct wsm__session *session)
{
	struct wsm__tls *tls = session->core->runtime->tls;
	struct wsm__tls_link *link = calloc(1, sizeof(*link));
	BIO *bio = link ? BIO_new(tls->method) : NULL;

	ERR_clear_error();
	if (bio) {
		pthread_mutex_lock(&tls->lock);
		link->ssl = SSL_new(tls->context);
		pthread_mutex_unlock(&tls->lock);
	}
	if (!bio || !link->ssl) {
		BIO_free(bio);
		free(link);
		return false;
	}
	BIO_set_data(bio, session);
	BIO_set_init(bio, 1);
	SSL_set_bio(link->ssl, bio, bio);
	SSL_set_accept_state(link->ssl);
	session->tls = link;
	session->filter = &filter;
	return true;
}

#else

int wsm__tls_init(wsm_runtime *runtime, wsm_error *error)
{
	if (!*runtime->config->tls_cert)
		return WSM_OK;
	return wsm__fail(
		error, WSM_ECONFIG,
		"option tls_cert: this build has no TLS (inside Node its OpenSSL would be another one); end TLS in a "
		"reverse proxy or in the host's own server");
}

void wsm__tls_fini(wsm_runtime *runtime)
{
	(void)runtime;
}

int wsm_reload_tls(wsm_runtime *runtime, wsm_error *error)
{
	(void)runtime;
	return wsm__fail(error, WSM_ECONFIG, "this build has no TLS");
}

bool wsm__tls_begin(struct wsm__session *session)
{
	(void)session;
	return false;
}

#endif
