#include "tls_peer.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <unistd.h>

/* ---- certificates ----------------------------------------------------------------------------------------------- */

static void save(const char *path, X509 *cert, EVP_PKEY *key, const EVP_CIPHER *cipher)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	if (cert)
		assert_int_equal(PEM_write_X509(file, cert), 1);
	else
		assert_int_equal(PEM_write_PrivateKey(file, key, cipher,
		                                      (const unsigned char *)(cipher ? "word" : NULL), cipher ? 4 : 0,
		                                      NULL, NULL),
		                 1);
	fclose(file);
}

void tls_make(const char *cert_path, const char *key_path, const char *common_name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name;

	assert_true(key && cert);
	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	name = X509_get_subject_name(cert);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common_name, -1, -1, 0);
	X509_set_issuer_name(cert, name);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	save(cert_path, cert, NULL, NULL);
	save(key_path, NULL, key, NULL);
	X509_free(cert);
	EVP_PKEY_free(key);
}

void tls_encrypt_key(const char *key_path, const char *out_path)
{
	FILE *file = fopen(key_path, "re");
	EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

	assert_non_null(key);
	fclose(file);
	save(out_path, NULL, key, EVP_aes_128_cbc());
	EVP_PKEY_free(key);
}

/* ---- a client --------------------------------------------------------------------------------------------------- */

void tls_connect(struct tls_peer *peer, unsigned port)
{
	peer->fd = raw_connect(port);
	peer->context = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(peer->context, SSL_VERIFY_NONE, NULL);
	peer->ssl = SSL_new(peer->context);
	SSL_set_fd(peer->ssl, peer->fd);
	SSL_set_connect_state(peer->ssl);
}

bool tls_shake(struct tls_peer *peer)
{
	ERR_clear_error();
	return SSL_do_handshake(peer->ssl) == 1;
}

void tls_open(struct tls_peer *peer, unsigned port)
{
	tls_connect(peer, port);
	if (!tls_shake(peer))
		give_up("no TLS: %s", ERR_reason_error_string(ERR_peek_last_error()));
}

void tls_close(struct tls_peer *peer)
{
	ERR_clear_error();
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->context);
	close(peer->fd);
}

void tls_send(struct tls_peer *peer, const void *data, size_t len)
{
	size_t written = 0;

	ERR_clear_error();
	if (SSL_write_ex(peer->ssl, data, len, &written) != 1 || written != len)
		give_up("TLS: could not send");
}

void tls_say(struct tls_peer *peer, const char *text)
{
	tls_send(peer, text, strlen(text));
}

bool tls_read(struct tls_peer *peer, void *data, size_t len)
{
	size_t got = 0, piece;

	ERR_clear_error();
	while (got < len) {
		if (SSL_read_ex(peer->ssl, (char *)data + got, len - got, &piece) != 1)
			return false;
		got += piece;
	}
	return true;
}

bool tls_ended_well(struct tls_peer *peer)
{
	char byte;
	int result;

	ERR_clear_error();
	result = SSL_read(peer->ssl, &byte, 1);
	return result <= 0 && SSL_get_error(peer->ssl, result) == SSL_ERROR_ZERO_RETURN && raw_ended(peer->fd);
}

void tls_head(struct tls_peer *peer, char *head, size_t size)
{
	size_t len = 0;

	while (len + 1 < size && tls_read(peer, head + len, 1)) {
		head[++len] = '\0';
		if (len >= 4 && !memcmp(head + len - 4, "\r\n\r\n", 4))
			return;
	}
	head[len] = '\0';
}

unsigned tls_upgrade(struct tls_peer *peer, const char *path, const char *headers)
{
	char request[2048], head[2048];
	unsigned status = 0;

	tls_say(peer, raw_upgrade(request, sizeof(request), path, headers));
	tls_head(peer, head, sizeof(head));
	return sscanf(head, "HTTP/1.1 %3u ", &status) == 1 ? status : 0;
}

bool tls_next(struct tls_peer *peer, struct raw_frame *frame)
{
	uint8_t head[2], more[8];
	unsigned extra;

	if (!tls_read(peer, head, 2))
		return false;
	frame->fin = (head[0] & 0x80u) != 0;
	frame->opcode = head[0] & 0x0fu;
	frame->len = head[1];
	extra = frame->len == 127 ? 8 : frame->len == 126 ? 2 : 0;
	if (extra) {
		assert_true(tls_read(peer, more, extra));
		frame->len = 0;
		for (unsigned i = 0; i < extra; i++)
			frame->len = frame->len << 8 | more[i];
	}
	assert_in_range(frame->len, 0, sizeof(frame->data) - 1);
	if (!tls_read(peer, frame->data, frame->len))
		return false;
	frame->data[frame->len] = '\0';
	return true;
}

void tls_await(struct tls_peer *peer, unsigned opcode, struct raw_frame *frame)
{
	do {
		if (!tls_next(peer, frame))
			give_up("the connection ended before a frame of opcode %u", opcode);
	} while (frame->opcode != opcode);
}

void tls_frame(struct tls_peer *peer, unsigned opcode, const void *data, size_t len)
{
	uint8_t *bytes = malloc(len + 14);

	tls_send(peer, bytes, raw_put_frame(bytes, 0, true, opcode, data, len));
	free(bytes);
}

const char *tls_name(struct tls_peer *peer, char name[64])
{
	X509 *cert = SSL_get1_peer_certificate(peer->ssl);

	assert_non_null(cert);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, 64);
	X509_free(cert);
	return name;
}
