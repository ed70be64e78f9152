/*
 * config.h - the configuration for the core. The table of options (options.h) is the only list of them: name, variable, type,
 * default, bounds, sentence, and the field here that it fills.
 */
#ifndef WSM_POLICY_CONFIG_H
#define WSM_POLICY_CONFIG_H

#include "policy/address.h"

struct wsm_config {
	/* listening */
	char *host;               /* host: "localhost" (both loopback addresses), an address, "*" for all */
	char *port;               /* port: "" none; 0 picks one */
	char *tls_cert, *tls_key; /* paths; "" no TLS */
	bool reuse_port;          /* several processes on one port */
	/* heartbeat */
	double heartbeat_interval; /* 30 s; 0.05 … 3600 */
	double timeout; /* 90 s; 0.1 … 86400; must be greater than heartbeat_interval (checked at runtime_new) */
	/* limits */
	uint64_t max_connections;          /* 1000; 1 … 1000000 */
	uint64_t max_connections_per_ip;   /* 100 */
	uint64_t max_connections_per_user; /* 100 */
	uint64_t max_message_size;         /* 65536; 125 … 2^30, one incoming message */
	uint64_t max_fragments;            /* 1024 fragments of one incoming message */
	uint64_t max_rooms;                /* 128 subscriptions per connection */
	uint64_t max_rooms_per_user;       /* 1024 */
	uint64_t max_queue;                /* 1048576 outgoing bytes held per connection; 4096 … 2^30 */
	double rate; /* 50 incoming messages per second per connection, burst twice that; 0 = no limit */
	double byte_rate, subscription_rate;                          /* per connection; burst and 0 as above */
	double rate_per_user;                                         /* messages */
	double rate_per_ip, byte_rate_per_ip, connection_rate_per_ip; /* messages, bytes, new connections */
	struct wsm__networks *exempt_ips, *trusted_proxies;
	uint64_t max_peers;         /* 65536 addresses remembered */
	uint64_t max_once;          /* 65536 ids of publications remembered */
	double ban_threshold;       /* 20 points; 0: no automatic bans */
	double ban_window;          /* 60 s */
	double ban_time;            /* 10 s */
	double ban_time_max;        /* 3600 s; at least ban_time (checked at runtime_new) */
	uint64_t max_publish_size;  /* 16777216 bytes of one published message */
	uint64_t max_pending;       /* 67108864 bytes waiting in the command queue */
	uint64_t max_events;        /* 65536 events waiting for the host, and KiB of their data */
	uint64_t max_handler_queue; /* 1024 messages of one connection, and KiB of their data; kept by the bindings */
	double handler_timeout;     /* 10 s after the end; the bindings' */
	double auth_timeout;        /* 10 s for the host's authenticate / authorize handler */
	double handshake_timeout;   /* 10 s for a request; 0.05 … 3600 */
	uint64_t max_handshakes;    /* 1024 connections without a request */
	double handshake_budget;    /* 1 ms */
	uint64_t max_http_connections, max_http_queue; /* 512 connections with requests; 32 MiB of their answers */
	double answer_timeout;                         /* 30 s to read one */
	double wrong_key_rate; /* 1 per second and address; burst ten times that; 0 = no limit */
	double close_timeout;  /* 5 s for a closing handshake */
	double drain_time;     /* 5 s at most for closing everyone at a stop */
	double drain_spread;   /* 30 s at most over which clients come back */
	/* history */
	uint64_t history_size;      /* 256 messages per room; 0 = none */
	uint64_t history_bytes;     /* 16777216 per room */
	double history_ttl;         /* 300 s */
	uint64_t max_history_bytes; /* 268435456 of all rooms together */
	double presence_grace;      /* 5 s away before a leave is told */
	/* access */
	char *access;           /* auto, open, granted */
	char **allowed_origins; /* n_allowed_origins entries, trimmed */
	size_t n_allowed_origins;
	char *api_key;        /* "" none */
	char *store;          /* path; "" none */
	char *store_sync;     /* normal, full */
	double store_wait;    /* 0 s */
	char *broker_url;     /* "memory:"; anything else is WSM_ECONFIG in this version */
	char *test_echo_path; /* "" none */
	bool rest;            /* rest: answer REST calls on the own port; true */
	bool admin;           /* the admin panel; false */

	/* tokens */
	char *jwt_secret, *jwt_public_key; /* "" none; the key is PEM text, or a path */
	char *jwt_algorithm, *jwt_audience, *jwt_issuer;
	double jwt_leeway;            /* 10 s */
	char *check_events;           /* off, warn, error */
	char *jwt_cookie, *jwt_query; /* names; "" off */
	bool jwt_replay;              /* each jti once */
	bool http_refusal;            /* no browsers: HTTP 401, 403, … in place of close codes */
	double token_expiring_notice; /* 60 s; 0 none */
	uint64_t max_revocations;     /* 100000 */
	double revocation_ttl;        /* 2592000 s: 30 days */

	bool from_env;    /* wsm_config_load_env() was called */
	char *values[96]; /* text of each option as set, by row; for wsm_config_get */
};

/* Deep copy, or NULL. */
struct wsm_config *wsm__config_copy(const struct wsm_config *config);
/* Checks options against each other: timeout > heartbeat_interval, … WSM_ECONFIG. */
int wsm__config_check(const struct wsm_config *config, wsm_error *error);

#endif
