/*
 * options.h - the table of options, and the only list of them; included by config.c alone.
 */
#ifndef WSM_POLICY_OPTIONS_H
#define WSM_POLICY_OPTIONS_H

/*
 * X(field and keyword, variable, store, default, least, most, sentence). `store` says how the text becomes the field: UINT, SECS,
 * STRING, LIST, BOOL as the public types; RATE: an integer, stored as double; PORT: an integer or unset, stored as text; NETWORKS:
 * addresses and networks.
 */
#define WSM__OPTIONS(X)                                                                                                \
	X(host, "WEBSOCKET_HOST", STRING, "localhost", 0, 0,                                                           \
	  "Address to listen on when port is set: localhost (both loopback addresses), an IP address, or * for all.")  \
	X(port, "WEBSOCKET_PORT", PORT, "", 0, 65535,                                                                  \
	  "TCP port of the runtime's own listener; unset for none, 0 for any free one.")                               \
	X(tls_cert, "WEBSOCKET_TLS_CERT", STRING, "", 0, 0,                                                            \
	  "Path of a PEM file with the certificate, and those between it and its root, for TLS on the own port; "      \
	  "unset for none.")                                                                                           \
	X(tls_key, "WEBSOCKET_TLS_KEY", STRING, "", 0, 0,                                                              \
	  "Path of a PEM file with the private key of tls_cert, not encrypted.")                                       \
	X(reuse_port, "WEBSOCKET_REUSE_PORT", BOOL, "false", 0, 0,                                                     \
	  "Whether several processes may listen on port at the same time (SO_REUSEPORT), for restarts without a gap.") \
	X(heartbeat_interval, "WEBSOCKET_HEARTBEAT_INTERVAL", SECS, "30", 0.05, 3600,                                  \
	  "Seconds between heartbeats (protocol ping and message).")                                                   \
	X(timeout, "WEBSOCKET_TIMEOUT", SECS, "90", 0.1, 86400,                                                        \
	  "Seconds without anything heard from a client, then it is closed with 4408; more than heartbeat_interval.")  \
	X(max_connections, "WEBSOCKET_MAX_CONNECTIONS", UINT, "1000", 1, 1000000,                                      \
	  "Connections per process; further ones are closed with 1013.")                                               \
	X(max_connections_per_ip, "WEBSOCKET_MAX_CONNECTIONS_PER_IP", UINT, "100", 1, 1000000,                         \
	  "Connections per client address; further ones are closed with 1013.")                                        \
	X(max_connections_per_user, "WEBSOCKET_MAX_CONNECTIONS_PER_USER", UINT, "100", 1, 1000000,                     \
	  "Connections per user; further ones are closed with 1013.")                                                  \
	X(max_message_size, "WEBSOCKET_MAX_MESSAGE_SIZE", UINT, "65536", 125, 1073741824,                              \
	  "Bytes of one incoming message over all its fragments, then 1009.")                                          \
	X(max_fragments, "WEBSOCKET_MAX_FRAGMENTS", UINT, "1024", 1, 1000000,                                          \
	  "Fragments of one incoming message, then 1008.")                                                             \
	X(max_rooms, "WEBSOCKET_MAX_ROOMS", UINT, "128", 1, 1000000, "Rooms that one connection may subscribe to.")    \
	X(max_rooms_per_user, "WEBSOCKET_MAX_ROOMS_PER_USER", UINT, "1024", 1, 1000000,                                \
	  "Rooms that the connections of one user may subscribe to, counted together.")                                \
	X(max_queue, "WEBSOCKET_MAX_QUEUE", UINT, "1048576", 4096, 1073741824,                                         \
	  "Outgoing bytes held for one connection that reads slowly.")                                                 \
	X(rate, "WEBSOCKET_RATE", RATE, "50", 0, 1000000,                                                              \
	  "Incoming messages per second and connection, with bursts of twice as many; 0 for no limit.")                \
	X(byte_rate, "WEBSOCKET_BYTE_RATE", RATE, "1048576", 0, 1000000000,                                            \
	  "Incoming bytes per second and connection, each JSON value counted as 16 more, with bursts of twice as "     \
	  "many; 0 for no limit.")                                                                                     \
	X(subscription_rate, "WEBSOCKET_SUBSCRIPTION_RATE", RATE, "100", 0, 1000000,                                   \
	  "Requests about rooms per second and connection, by cost, with bursts of twice as many; 0 for no limit. "    \
	  "subscribe and unsubscribe cost 1, history, presence and stats 2; 50 messages that are replayed, or 16 KiB " \
	  "of an answer, 1 more.")                                                                                     \
	X(rate_per_user, "WEBSOCKET_RATE_PER_USER", RATE, "200", 0, 1000000,                                           \
	  "Incoming messages per second of all connections of one user, with bursts of twice as many; 0 for no "       \
	  "limit.")                                                                                                    \
	X(rate_per_ip, "WEBSOCKET_RATE_PER_IP", RATE, "1000", 0, 1000000,                                              \
	  "Incoming messages per second of all connections from one address, with bursts of twice as many; 0 for no "  \
	  "limit.")                                                                                                    \
	X(byte_rate_per_ip, "WEBSOCKET_BYTE_RATE_PER_IP", RATE, "8388608", 0, 1000000000,                              \
	  "Incoming bytes per second of all connections from one address, with bursts of twice as many; 0 for no "     \
	  "limit.")                                                                                                    \
	X(connection_rate_per_ip, "WEBSOCKET_CONNECTION_RATE_PER_IP", RATE, "50", 0, 1000000,                          \
	  "New connections per second from one address, with bursts of twice as many or of max_connections_per_ip; "   \
	  "0 for no limit.")                                                                                           \
	X(exempt_ips, "WEBSOCKET_EXEMPT_IPS", NETWORKS, "loopback", 0, 0,                                              \
	  "Addresses and networks (10.0.0.0/8) that rates per address and automatic bans leave alone, with commas; "   \
	  "loopback for both loopback networks, none for none.")                                                       \
	X(max_peers, "WEBSOCKET_MAX_PEERS", UINT, "65536", 16, 10000000,                                               \
	  "Addresses that are remembered; the one unheard of for longest is forgotten first.")                         \
	X(max_once, "WEBSOCKET_MAX_ONCE", UINT, "65536", 16, 10000000,                                                 \
	  "Ids of publications (once) that are remembered, each for 5 minutes; the oldest is forgotten first.")        \
	X(trusted_proxies, "WEBSOCKET_TRUSTED_PROXIES", NETWORKS, "loopback", 0, 0,                                    \
	  "Addresses and networks of reverse proxies, with commas, whose Forwarded and X-Forwarded-For, -Proto and "   \
	  "-Host are believed; loopback for both loopback networks, none for none.")                                   \
	X(ban_threshold, "WEBSOCKET_BAN_THRESHOLD", RATE, "20", 0, 1000000,                                            \
	  "Points of offences within ban_window for which an address is banned: bad handshake, token or key 1, "       \
	  "protocol "                                                                                                  \
	  "error 2, connection closed for its rate 4; one more for each open connection from there; 0 for no "         \
	  "automatic bans.")                                                                                           \
	X(ban_window, "WEBSOCKET_BAN_WINDOW", SECS, "60", 1, 86400,                                                    \
	  "Seconds in which as many points as ban_threshold are forgotten.")                                           \
	X(ban_time, "WEBSOCKET_BAN_TIME", SECS, "10", 1, 86400,                                                        \
	  "Seconds that a first automatic ban lasts; each further one lasts twice as long.")                           \
	X(ban_time_max, "WEBSOCKET_BAN_TIME_MAX", SECS, "3600", 1, 604800,                                             \
	  "Seconds that an automatic ban lasts at most, and after which, without another, one doubling is "            \
	  "forgotten.")                                                                                                \
	X(max_publish_size, "WEBSOCKET_MAX_PUBLISH_SIZE", UINT, "16777216", 1, 1073741824,                             \
	  "Bytes of one published message.")                                                                           \
	X(max_pending, "WEBSOCKET_MAX_PENDING", UINT, "67108864", 4096, 17179869184,                                   \
	  "Bytes of commands waiting for the runtime; beyond it, the oldest publications of low priority are "         \
	  "dropped, then normal ones; critical ones have an eighth more.")                                             \
	X(max_events, "WEBSOCKET_MAX_EVENTS", UINT, "65536", 1, 10000000,                                              \
	  "Events waiting for the host, each KiB of their data counted as one more; further ones are dropped and "     \
	  "counted.")                                                                                                  \
	X(max_handler_queue, "WEBSOCKET_MAX_HANDLER_QUEUE", UINT, "1024", 1, 10000000,                                 \
	  "Messages and commands of one connection that wait for the application's handlers, those in hand and each "  \
	  "KiB of their data counted as well; further ones are refused with rate_limited.")                            \
	X(handler_timeout, "WEBSOCKET_HANDLER_TIMEOUT", SECS, "10", 0, 3600,                                           \
	  "Seconds that a connection's handlers may go on after it has ended; then they are cancelled, and "           \
	  "on_disconnect is called.")                                                                                  \
	X(auth_timeout, "WEBSOCKET_AUTH_TIMEOUT", SECS, "10", 0.05, 3600,                                              \
	  "Seconds that the host's authenticate and authorize handlers have for an answer.")                           \
	X(handshake_timeout, "WEBSOCKET_HANDSHAKE_TIMEOUT", SECS, "10", 0.05, 3600,                                    \
	  "Seconds that a client has for its request, and that a connection is kept for a further one.")               \
	X(max_handshakes, "WEBSOCKET_MAX_HANDSHAKES", UINT, "1024", 1, 1000000,                                        \
	  "Connections of the own port whose request has not come yet; beyond, the oldest of them is ended.")          \
	X(handshake_budget, "WEBSOCKET_HANDSHAKE_BUDGET", SECS, "0.001", 0, 1,                                         \
	  "Seconds of each turn of the loop that new connections may take, and REST calls on kept ones as many; "      \
	  "further ones wait for the next turn, in order, so that established clients are not held up; 0 for no "      \
	  "bound.")                                                                                                    \
	X(max_http_connections, "WEBSOCKET_MAX_HTTP_CONNECTIONS", UINT, "512", 1, 1000000,                             \
	  "Connections of the own port that have made REST calls; beyond, the one that is idle for longest is ended, " \
	  "else the one that has not read its answer for longest.")                                                    \
	X(max_http_queue, "WEBSOCKET_MAX_HTTP_QUEUE", UINT, "33554432", 1048576, 17179869184,                          \
	  "Bytes of answers to REST calls on the own port that wait to be read, of all connections together; beyond, " \
	  "the connection that has not read its answer for longest is ended.")                                         \
	X(answer_timeout, "WEBSOCKET_ANSWER_TIMEOUT", SECS, "30", 0.05, 3600,                                          \
	  "Seconds that a client has to read an answer to a REST call on the own port.")                               \
	X(wrong_key_rate, "WEBSOCKET_WRONG_KEY_RATE", RATE, "1", 0, 1000000,                                           \
	  "Wrong API keys per second from one address, with bursts of ten times as many; beyond, no key from there "   \
	  "is looked at; 0 for no limit.")                                                                             \
	X(close_timeout, "WEBSOCKET_CLOSE_TIMEOUT", SECS, "5", 0.05, 3600,                                             \
	  "Seconds that a client has to answer a closing handshake.")                                                  \
	X(drain_time, "WEBSOCKET_DRAIN_TIME", SECS, "5", 0, 3600,                                                      \
	  "Seconds over which the connections are closed when the server stops: a thousand a second, or more if that " \
	  "takes longer than this; 0 for all at once.")                                                                \
	X(drain_spread, "WEBSOCKET_DRAIN_SPREAD", SECS, "30", 0, 3600,                                                 \
	  "Seconds over which clients are asked to spread their return when the server stops: 2 ms for each of them, " \
	  "at least 1 s, at most this.")                                                                               \
	X(history_size, "WEBSOCKET_HISTORY_SIZE", UINT, "256", 0, 1000000,                                             \
	  "Messages kept per room with history; 0 for no history.")                                                    \
	X(history_bytes, "WEBSOCKET_HISTORY_BYTES", UINT, "16777216", 4096, 17179869184,                               \
	  "Bytes kept per room with history; the newest message is kept whatever its size.")                           \
	X(max_history_bytes, "WEBSOCKET_MAX_HISTORY_BYTES", UINT, "268435456", 65536, 17179869184,                     \
	  "Bytes of memory that all histories may take together; beyond it, the rooms that were published to least "   \
	  "recently lose theirs.")                                                                                     \
	X(history_ttl, "WEBSOCKET_HISTORY_TTL", SECS, "300", 0.05, 31536000,                                           \
	  "Seconds that a message stays in the history of its room.")                                                  \
	X(presence_grace, "WEBSOCKET_PRESENCE_GRACE", SECS, "5", 0, 3600,                                              \
	  "Seconds that a user may be away without the members of its rooms being told (room rule presence_events).")  \
	X(access, "WEBSOCKET_ACCESS", STRING, "auto", 0, 0,                                                            \
	  "Who may hear public rooms: auto (everyone, unless something checks clients; then who was granted them), "   \
	  "open (everyone who was let in), or granted.")                                                               \
	X(allowed_origins, "WEBSOCKET_ALLOWED_ORIGINS", LIST, "", 0, 0,                                                \
	  "Origins that may connect besides the same host and loopback: scheme://host[:port], :* for any port, "       \
	  "*. before the host for subdomains, or * for all.")                                                          \
	X(api_key, "WEBSOCKET_API_KEY", STRING, "", 0, 0,                                                              \
	  "Key that writing REST calls need when they do not come from loopback.")                                     \
	X(broker_url, "WEBSOCKET_BROKER_URL", STRING, "memory:", 0, 0,                                                 \
	  "Where rooms and history are kept; memory: is this process.")                                                \
	X(store, "WEBSOCKET_STORE", STRING, "", 0, 0,                                                                  \
	  "File that rooms with the rule store=\"disk\" are kept in, which survives the process; of one process at a " \
	  "time.")                                                                                                     \
	X(store_sync, "WEBSOCKET_STORE_SYNC", STRING, "normal", 0, 0,                                                  \
	  "What the file survives: normal (the death of the process; the last commits may go with the machine's "      \
	  "power, which clients are told) or full (the loss of power, too).")                                          \
	X(store_wait, "WEBSOCKET_STORE_WAIT", SECS, "0", 0, 3600,                                                      \
	  "Seconds that a start waits for another process to let go of the file; rooms kept in it are not available "  \
	  "meanwhile.")                                                                                                \
	X(rest, "WEBSOCKET_REST", BOOL, "true", 0, 0, "Whether the runtime's own port answers REST calls.")            \
	X(admin, "WEBSOCKET_ADMIN", BOOL, "false", 0, 0,                                                               \
	  "Whether there is the admin panel, /ws/admin, for who has the API key; without a key, for this machine.")    \
	X(test_echo_path, "WEBSOCKET_TEST_ECHO_PATH", STRING, "", 0, 0,                                                \
	  "For conformance tests only: path where every message comes back to its sender, without Origin, "            \
	  "authentication and limits; unset for none.")                                                                \
	X(jwt_secret, "WEBSOCKET_JWT_SECRET", STRING, "", 0, 0,                                                        \
	  "Secret of HMAC tokens (HS256, HS384, HS512), at least 32, 48 or 64 bytes; up to 4 with spaces between "     \
	  "them; switches token authentication on.")                                                                   \
	X(jwt_public_key, "WEBSOCKET_JWT_PUBLIC_KEY", STRING, "", 0, 0,                                                \
	  "Public key of RSA or EC tokens: PEM text, or the path of a file with it; up to 4 in it; switches token "    \
	  "authentication on.")                                                                                        \
	X(jwt_algorithm, "WEBSOCKET_JWT_ALGORITHM", STRING, "", 0, 0,                                                  \
	  "The only algorithm that is accepted: HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384 or ES512; "     \
	  "unset: HS256 with a secret, RS256 with an RSA key, the curve's with an EC key.")                            \
	X(jwt_audience, "WEBSOCKET_JWT_AUDIENCE", STRING, "", 0, 0,                                                    \
	  "Audience that tokens must be for (aud); unset for any.")                                                    \
	X(jwt_issuer, "WEBSOCKET_JWT_ISSUER", STRING, "", 0, 0,                                                        \
	  "Issuer that tokens must be from (iss); unset for any.")                                                     \
	X(jwt_leeway, "WEBSOCKET_JWT_LEEWAY", SECS, "10", 0, 3600,                                                     \
	  "Seconds that clocks may differ when exp and nbf are checked.")                                              \
	X(jwt_cookie, "WEBSOCKET_JWT_COOKIE", STRING, "", 0, 0,                                                        \
	  "Name of a cookie that may carry the token; unset for none. Such requests need an allowed Origin.")          \
	X(jwt_query, "WEBSOCKET_JWT_QUERY", STRING, "", 0, 0,                                                          \
	  "Name of a query parameter that may carry the token; unset for none, since URLs end up in logs.")            \
	X(jwt_replay, "WEBSOCKET_JWT_REPLAY", BOOL, "false", 0, 0,                                                     \
	  "Whether each token is accepted once only; tokens need a jti then.")                                         \
	X(http_refusal, "WEBSOCKET_HTTP_REFUSAL", BOOL, "false", 0, 0,                                                 \
	  "Whether requests without an Origin, which are no browsers', are refused by HTTP 401, 403, 429 or 503 in "   \
	  "place of a close code; the handshake waits for the authenticate handler then.")                             \
	X(max_revocations, "WEBSOCKET_MAX_REVOCATIONS", UINT, "100000", 1, 10000000,                                   \
	  "Revocations of tokens and users in force at a time; further ones are refused.")                             \
	X(revocation_ttl, "WEBSOCKET_REVOCATION_TTL", SECS, "2592000", 1, 315360000,                                   \
	  "Seconds that a revocation is kept if it does not say: at least as long as the longest token lives.")        \
	X(check_events, "WEBSOCKET_CHECK_EVENTS", STRING, "warn", 0, 0,                                                \
	  "What is done about an event whose data is not what the catalogue says: warn (it is sent; one line in the "  \
	  "log for each event and fault), error (the call fails), off.")                                               \
	X(token_expiring_notice, "WEBSOCKET_TOKEN_EXPIRING_NOTICE", SECS, "60", 0, 86400,                              \
	  "Seconds before a token expires at which its client is told by token_expiring; 0 for no notice.")

#endif
