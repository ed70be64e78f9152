/* limits.h - limits that are counted when a client breaks them. */
#ifndef WSM_CORE_LIMITS_H
#define WSM_CORE_LIMITS_H

/* Limits that are counted when they are broken, by the name of their option. */
#define WSM__LIMITS(X)                                                                                                 \
	X(rate)                                                                                                        \
	X(byte_rate)                                                                                                   \
	X(subscription_rate)                                                                                           \
	X(rate_per_user)                                                                                               \
	X(rate_per_ip)                                                                                                 \
	X(byte_rate_per_ip)                                                                                            \
	X(connection_rate_per_ip)                                                                                      \
	X(max_connections)                                                                                             \
	X(max_connections_per_ip)                                                                                      \
	X(max_connections_per_user)                                                                                    \
	X(max_http_connections)                                                                                        \
	X(max_http_queue)                                                                                              \
	X(wrong_key_rate)                                                                                              \
	X(max_rooms)                                                                                                   \
	X(max_rooms_per_user)                                                                                          \
	X(max_handler_queue)                                                                                           \
	X(max_message_size)                                                                                            \
	X(max_fragments)

enum wsm__limit {
#define WSM_X(name) WSM__LIMIT_##name,
	WSM__LIMITS(WSM_X)
#undef WSM_X
		WSM__LIMIT_COUNT
};

/* Returns the name of a limit: "max_rooms". Static. */
const char *wsm__limit_name(enum wsm__limit limit);

#endif
