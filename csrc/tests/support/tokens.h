/* tokens.h - makes tokens, good and bad. Written with OpenSSL alone, so that it shares nothing with what is tested. */
#ifndef WSM_TESTS_TOKENS_H
#define WSM_TESTS_TOKENS_H

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_SIZE 16384
#define SECRET_32 "0123456789abcdef0123456789abcdef"
#define SECRET_64 SECRET_32 SECRET_32

/* base64url without padding, appended. */
static inline void token_part(char *out, const void *data, size_t len)
{
	char *text = malloc(len * 2 + 8);
	size_t n = (size_t)EVP_EncodeBlock((unsigned char *)text, data, (int)len);

	while (n && text[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
	text[n] = '\0';
	strcat(out, text);
	free(text);
}

static inline void token_unsigned(char *out, const char *header, const char *payload)
{
	out[0] = '\0';
	token_part(out, header, strlen(header));
	strcat(out, ".");
	token_part(out, payload, strlen(payload));
}

/* Signs with HMAC whatever the header says. `bits`: 256, 384, 512. */
static inline const char *token_hmac(char *out, const char *header, const char *payload, int bits, const char *key,
                                     size_t key_len)
{
	unsigned char digest[64];
	unsigned len = 0;

	token_unsigned(out, header, payload);
	HMAC(bits == 256   ? EVP_sha256()
	     : bits == 384 ? EVP_sha384()
	                   : EVP_sha512(),
	     key, (int)key_len, (const unsigned char *)out, strlen(out), digest, &len);
	strcat(out, ".");
	token_part(out, digest, len);
	return out;
}

/* The usual one. */
static inline const char *token_hs256(char *out, const char *payload)
{
	return token_hmac(out, "{\"alg\":\"HS256\",\"typ\":\"JWT\"}", payload, 256, SECRET_32, 32);
}

/* RSA (PKCS 1) or EC (r and s side by side). */
static inline const char *token_with_key(char *out, const char *header, const char *payload, int bits, EVP_PKEY *key)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char signature[1024], sides[132];
	size_t len = sizeof(signature);

	token_unsigned(out, header, payload);
	EVP_DigestSignInit(context, NULL,
	                   bits == 256   ? EVP_sha256()
	                   : bits == 384 ? EVP_sha384()
	                                 : EVP_sha512(),
	                   NULL, key);
	EVP_DigestSign(context, signature, &len, (const unsigned char *)out, strlen(out));
	EVP_MD_CTX_free(context);
	strcat(out, ".");
	if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
		const unsigned char *der = signature;
		ECDSA_SIG *parts = d2i_ECDSA_SIG(NULL, &der, (long)len);
		int side = (EVP_PKEY_get_bits(key) + 7) / 8;

		BN_bn2binpad(ECDSA_SIG_get0_r(parts), sides, side);
		BN_bn2binpad(ECDSA_SIG_get0_s(parts), sides + side, side);
		ECDSA_SIG_free(parts);
		token_part(out, sides, (size_t)side * 2);
	} else {
		token_part(out, signature, len);
	}
	return out;
}

static inline void key_pem(EVP_PKEY *key, bool private, char *out, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	if (private)
		PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_bio_PUBKEY(bio, key);
	len = BIO_read(bio, out, (int)size - 1);
	out[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

#endif
