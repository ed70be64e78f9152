/* tls_peer.h - certificates and TLS clients for tests: OpenSSL on a blocking socket. */
#ifndef WSM_TESTS_TLS_PEER_H
#define WSM_TESTS_TLS_PEER_H

#include "raw.h"

#include <openssl/ssl.h>

/* Makes a self-signed certificate for "localhost" with its own EC key; both as PEM files. The common name tells it apart. */
void tls_make(const char *cert_path, const char *key_path, const char *common_name);
/* The key again, with a passphrase. */
void tls_encrypt_key(const char *key_path, const char *out_path);

struct tls_peer {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

/* Connects to 127.0.0.1; the handshake is still to come. The certificate is not verified. */
void tls_connect(struct tls_peer *peer, unsigned port);
/* True if it succeeds. */
bool tls_shake(struct tls_peer *peer);
/* Both, demanded. */
void tls_open(struct tls_peer *peer, unsigned port);
void tls_close(struct tls_peer *peer);
void tls_send(struct tls_peer *peer, const void *data, size_t len);
void tls_say(struct tls_peer *peer, const char *text);
/* Exactly `len` bytes; false if the connection ended before. */
bool tls_read(struct tls_peer *peer, void *data, size_t len);
/* Reads the head of an HTTP message, NUL-terminated. */
void tls_head(struct tls_peer *peer, char *head, size_t size);
/* Opens a WebSocket; further header lines. The status of the answer. */
unsigned tls_upgrade(struct tls_peer *peer, const char *path, const char *headers);
/* The next frame; false if the connection ended before. */
bool tls_next(struct tls_peer *peer, struct raw_frame *frame);
void tls_await(struct tls_peer *peer, unsigned opcode, struct raw_frame *frame);
void tls_frame(struct tls_peer *peer, unsigned opcode, const void *data, size_t len);
/* Whether the server has said that nothing more follows (close_notify), and then closed. */
bool tls_ended_well(struct tls_peer *peer);
/* The common name of the server's certificate. */
const char *tls_name(struct tls_peer *peer, char name[64]);

#endif
