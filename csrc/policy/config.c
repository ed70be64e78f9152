#include "policy/config.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/slice.h"
#include "policy/options.h"
#include "policy/origin.h"

enum store { STORE_UINT, STORE_SECS, STORE_STRING, STORE_LIST, STORE_BOOL, STORE_RATE, STORE_PORT, STORE_NETWORKS };

#define TYPE_UINT WSM_OPTION_UINT
#define TYPE_SECS WSM_OPTION_SECS
#define TYPE_STRING WSM_OPTION_STRING
#define TYPE_LIST WSM_OPTION_LIST
#define TYPE_BOOL WSM_OPTION_BOOL
#define TYPE_RATE WSM_OPTION_UINT
#define TYPE_PORT WSM_OPTION_UINT
#define TYPE_NETWORKS WSM_OPTION_LIST

static const wsm_option options[] = {
#define WSM_X(field, env, store, fallback, min, max, doc) { #field, env, TYPE_##store, fallback, min, max, doc },
	WSM__OPTIONS(WSM_X)
#undef WSM_X
};
#define N_OPTIONS (sizeof(options) / sizeof(options[0]))

/* By row: which field of struct wsm_config, and how it is stored. */
static const struct {
	size_t offset;
	enum store store;
} fields[] = {
#define WSM_X(field, env, store, fallback, min, max, doc) { offsetof(struct wsm_config, field), STORE_##store },
	WSM__OPTIONS(WSM_X)
#undef WSM_X
};

_Static_assert(N_OPTIONS <= sizeof(((struct wsm_config *)0)->values) / sizeof(char *), "values[] has a place for each");

const wsm_option *wsm_options(size_t *count)
{
	*count = N_OPTIONS;
	return options;
}

/* ---- from text to a field ---- */

/* One attempt to set an option, and the words for its failure. `origin` is the variable, or NULL for the keyword. */
struct attempt {
	struct wsm_config *config;
	size_t row;
	const char *value;
	const char *variable;
	wsm_error *error;
};

/* Options that nobody may read back: keys, and a URL that may hold a password. */
static bool is_secret(const char *name)
{
	return strcmp(name, "api_key") == 0 || strcmp(name, "broker_url") == 0 || strcmp(name, "jwt_secret") == 0 ||
	       strcmp(name, "jwt_public_key") == 0;
}

static void *field_of(const struct attempt *attempt)
{
	return (char *)attempt->config + fields[attempt->row].offset;
}

/* "WEBSOCKET_RATE: "5x" is not …" or "option rate: "5x" is not …". */
static int refuse(const struct attempt *attempt, const char *must)
{
	const wsm_option *option = &options[attempt->row];
	bool secret = is_secret(option->name);

	return wsm__fail(attempt->error, WSM_ECONFIG, "%s%s: %s%.80s%s%s must be %s",
	                 attempt->variable ? "" : "option ", attempt->variable ? attempt->variable : option->name,
	                 secret ? "the value" : "\"", secret ? "" : attempt->value,
	                 !secret && strlen(attempt->value) > 80 ? "…" : "", secret ? "" : "\"", must);
}

/* "an integer from 1 to 1000000" */
static int refuse_number(const struct attempt *attempt, const char *kind)
{
	const wsm_option *option = &options[attempt->row];
	wsm_error bounds;

	wsm__fail(&bounds, 0, "%s from %.12g to %.12g", kind, option->min, option->max);
	return refuse(attempt, bounds.message);
}

static bool in_bounds(const struct attempt *attempt, double number)
{
	return number >= options[attempt->row].min && number <= options[attempt->row].max;
}

/* Digits only: no sign, no space, no exponent. */
static bool parse_uint(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		unsigned digit = (unsigned char)*text - (unsigned)'0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

/* "30", "0.5", ".5", "30.". Not strtod(), which follows the locale and takes "nan", "inf" and "0x1p3". */
static bool parse_secs(const char *text, double *number)
{
	double value = 0, scale = 1;
	bool digits = false, fraction = false;

	for (; *text != '\0'; text++) {
		if (*text == '.' && !fraction) {
			fraction = true;
			continue;
		}
		if (*text < '0' || *text > '9')
			return false;
		digits = true;
		if (fraction && scale >= 1e9)
			continue; /* below a nanosecond */
		value = value * 10 + (*text - '0');
		scale *= fraction ? 10 : 1;
	}
	*number = value / scale;
	return digits;
}

static bool parse_bool(const char *text, bool *value)
{
	static const char *const words[] = { "0", "1", "false", "true", "no", "yes", "off", "on" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (wsm__slice_equal_nocase(wsm__str(text), wsm__str(words[i]))) {
			*value = i % 2 == 1;
			return true;
		}
	}
	return false;
}

static int no_memory(const struct attempt *attempt)
{
	return wsm__fail(attempt->error, WSM_ENOMEM, "out of memory while setting option %s",
	                 options[attempt->row].name);
}

static int store_text(const struct attempt *attempt, const char *text)
{
	char **field = field_of(attempt);
	char *copy = wsm__slice_dup(wsm__str(text));

	if (!copy)
		return no_memory(attempt);
	free(*field);
	*field = copy;
	return WSM_OK;
}

static bool is_address(const char *text)
{
	unsigned char address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool is_visible(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < 0x21 || *text > 0x7e)
			return false;
	return true;
}

/* Returns whether it is a token of HTTP: the name of a cookie must be one (RFC 6265 section 4.1.1), and here that of a parameter, too. */
static bool is_token(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~")] ==
	       '\0';
}

static int store_string(const struct attempt *attempt)
{
	const char *name = options[attempt->row].name, *value = attempt->value;

	if (*value == '\0')
		return store_text(attempt, options[attempt->row].fallback);
	if ((strcmp(name, "jwt_cookie") == 0 || strcmp(name, "jwt_query") == 0) &&
	    (!is_token(value) || strlen(value) > 63))
		return refuse(attempt, "a name of at most 63 letters, digits and any of !#$%&'*+-.^_`|~");
	if (strcmp(name, "host") == 0 && strcmp(value, "localhost") != 0 && strcmp(value, "*") != 0 &&
	    !is_address(value))
		return refuse(attempt, "localhost, an IPv4 or IPv6 address without brackets, or *");
	if (strcmp(name, "api_key") == 0 && !is_visible(value))
		return refuse(attempt, "visible ASCII characters without spaces, as it is sent in an HTTP header");
	if (strcmp(name, "broker_url") == 0 && strcmp(value, "memory:") != 0)
		return refuse(attempt, "memory:, the only broker of this version");
	if (strcmp(name, "store_sync") == 0 && strcmp(value, "normal") != 0 && strcmp(value, "full") != 0)
		return refuse(attempt, "normal or full");
	if (strcmp(name, "access") == 0 && strcmp(value, "auto") != 0 && strcmp(value, "open") != 0 &&
	    strcmp(value, "granted") != 0)
		return refuse(attempt, "auto, open or granted");
	return store_text(attempt, value);
}

static void free_origins(char **origins, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(origins[i]);
	free(origins);
}

static wsm_slice trim(wsm_slice text)
{
	while (text.len > 0 && strchr(" \t\r\n", text.data[0]))
		text = wsm__slice(text.data + 1, text.len - 1);
	while (text.len > 0 && strchr(" \t\r\n", text.data[text.len - 1]))
		text.len--;
	return text;
}

/* Stores allowed_origins, the only list. Skips empty entries, as after a last comma. */
static int store_origins(const struct attempt *attempt)
{
	size_t most = 1, count = 0;
	const char *at = attempt->value;
	int status = WSM_OK;
	char **list;

	for (const char *p = at; *p != '\0'; p++)
		most += *p == ',';
	list = calloc(most, sizeof(*list));
	if (!list)
		return no_memory(attempt);
	while (status == WSM_OK && at) {
		const char *comma = strchr(at, ',');
		wsm_slice entry = trim(wsm__slice(at, comma ? (size_t)(comma - at) : strlen(at)));

		at = comma ? comma + 1 : NULL;
		if (entry.len == 0)
			continue;
		list[count] = wsm__slice_dup(entry);
		if (!list[count])
			status = no_memory(attempt);
		else if (!wsm__origin_entry_valid(wsm__str(list[count++])))
			status = refuse(attempt, "a comma-separated list of scheme://host[:port] without path, or *");
	}
	if (status != WSM_OK) {
		free_origins(list, count);
		return status;
	}
	free_origins(attempt->config->allowed_origins, attempt->config->n_allowed_origins);
	attempt->config->allowed_origins = list;
	attempt->config->n_allowed_origins = count;
	return WSM_OK;
}

static int store_networks(const struct attempt *attempt)
{
	struct wsm__networks **field = field_of(attempt);
	const char *text = *attempt->value ? attempt->value : options[attempt->row].fallback;
	struct wsm__networks *networks = wsm__networks_parse(wsm__str(text));

	if (!networks)
		return refuse(attempt, "none, or IP addresses, networks (10.0.0.0/8, no bit set behind the prefix) and "
		                       "the word loopback, separated by commas");
	free(*field);
	*field = networks;
	return WSM_OK;
}

static int store_number(const struct attempt *attempt)
{
	enum store store = fields[attempt->row].store;
	uint64_t number;
	double secs;

	if (store == STORE_SECS) {
		if (!parse_secs(attempt->value, &secs) || !in_bounds(attempt, secs))
			return refuse_number(attempt, "a number of seconds");
		*(double *)field_of(attempt) = secs;
		return WSM_OK;
	}
	if (!parse_uint(attempt->value, &number) || !in_bounds(attempt, (double)number))
		return refuse_number(attempt, "an integer");
	if (store == STORE_PORT)
		return store_text(attempt, attempt->value);
	if (store == STORE_RATE)
		*(double *)field_of(attempt) = (double)number;
	else
		*(uint64_t *)field_of(attempt) = number;
	return WSM_OK;
}

static int store_value(const struct attempt *attempt)
{
	switch (fields[attempt->row].store) {
	case STORE_STRING:
		return store_string(attempt);
	case STORE_LIST:
		return store_origins(attempt);
	case STORE_NETWORKS:
		return store_networks(attempt);
	case STORE_BOOL:
		if (parse_bool(attempt->value, field_of(attempt)))
			return WSM_OK;
		return refuse(attempt, "true or false (also 1/0, yes/no, on/off)");
	case STORE_PORT:
		if (*attempt->value == '\0')
			return store_text(attempt, "");
		return store_number(attempt);
	default:
		return store_number(attempt);
	}
}

/* An empty variable, or a secret that the deployment lacks, must not switch authentication off. */
static bool needs_value(const char *name)
{
	return strcmp(name, "jwt_secret") == 0 || strcmp(name, "jwt_public_key") == 0;
}

/* Field and remembered text change together or not at all. */
static int set_row(const struct attempt *attempt)
{
	char **slot = &attempt->config->values[attempt->row];
	bool unset = *attempt->value == '\0';
	char *copy = NULL;
	int status;

	if (unset && needs_value(options[attempt->row].name))
		return refuse(attempt, "set to a key, or not set at all: an empty one would switch authentication off");
	if (!unset && !(copy = wsm__slice_dup(wsm__str(attempt->value))))
		return no_memory(attempt);
	status = store_value(attempt);
	if (status != WSM_OK) {
		free(copy);
		return status;
	}
	free(*slot);
	*slot = copy;
	return WSM_OK;
}

/* ---- the public calls ---- */

wsm_config *wsm_config_new(void)
{
	struct wsm_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	for (size_t row = 0; row < N_OPTIONS; row++) {
		struct attempt attempt = { config, row, options[row].fallback, NULL, NULL };

		if (store_value(&attempt) != WSM_OK) {
			wsm_config_free(config);
			return NULL;
		}
	}
	return config;
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void wsm_config_free(wsm_config *config)
{
	if (!config)
		return;
	free(config->host);
	free(config->port);
	free(config->access);
	free(config->api_key);
	free(config->broker_url);
	free(config->store);
	free(config->store_sync);
	free(config->tls_cert);
	free(config->tls_key);
	free(config->exempt_ips);
	free(config->trusted_proxies);
	free(config->test_echo_path);
	free(config->check_events);
	wipe(config->jwt_secret);
	free(config->jwt_public_key);
	free(config->jwt_algorithm);
	free(config->jwt_audience);
	free(config->jwt_issuer);
	free(config->jwt_cookie);
	free(config->jwt_query);
	free_origins(config->allowed_origins, config->n_allowed_origins);
	for (size_t row = 0; row < N_OPTIONS; row++)
		wipe(config->values[row]);
	free(config);
}

static size_t find_row(const char *name)
{
	size_t row = 0;

	while (row < N_OPTIONS && strcmp(options[row].name, name) != 0)
		row++;
	return row;
}

int wsm_config_set(wsm_config *config, const char *name, const char *value, wsm_error *error)
{
	struct attempt attempt = { config, 0, value, NULL, error };

	if (!config || !name || !value)
		return wsm__fail(error, WSM_EINVAL, "wsm_config_set: config, name and value must not be NULL");
	attempt.row = find_row(name);
	if (attempt.row == N_OPTIONS)
		return wsm__fail(error, WSM_ECONFIG, "\"%.80s\" is not an option; docs/configuration.md lists them",
		                 name);
	return set_row(&attempt);
}

int wsm_config_load_env(wsm_config *config, wsm_error *error)
{
	if (!config)
		return wsm__fail(error, WSM_EINVAL, "wsm_config_load_env: config must not be NULL");
	for (size_t row = 0; row < N_OPTIONS; row++) {
		const char *value = getenv(options[row].env);
		struct attempt attempt = { config, row, value, options[row].env, error };
		bool set = value && (*value != '\0' || needs_value(options[row].name));
		int status = set ? set_row(&attempt) : WSM_OK;

		if (status != WSM_OK)
			return status;
	}
	config->from_env = true;
	return WSM_OK;
}

const char *wsm_config_get(const wsm_config *config, const char *name)
{
	size_t row = config && name ? find_row(name) : N_OPTIONS;

	if (row == N_OPTIONS)
		return NULL;
	if (config->values[row] && *config->values[row] && is_secret(name) && strcmp(name, "broker_url") != 0)
		return "***";
	return config->values[row] ? config->values[row] : options[row].fallback;
}

struct wsm_config *wsm__config_copy(const struct wsm_config *config)
{
	struct wsm_config *copy = wsm_config_new();

	if (copy)
		copy->from_env = config->from_env;
	for (size_t row = 0; copy && row < N_OPTIONS; row++) {
		struct attempt attempt = { copy, row, config->values[row], NULL, NULL };

		if (config->values[row] && set_row(&attempt) != WSM_OK) {
			wsm_config_free(copy);
			copy = NULL;
		}
	}
	return copy;
}

/* Refuses options of token authentication without effect: their users would believe to be protected. */
static int check_jwt(const struct wsm_config *config, wsm_error *error)
{
	const char *useless = *config->jwt_algorithm  ? "jwt_algorithm"
	                      : *config->jwt_audience ? "jwt_audience"
	                      : *config->jwt_issuer   ? "jwt_issuer"
	                      : *config->jwt_cookie   ? "jwt_cookie"
	                      : *config->jwt_query    ? "jwt_query"
	                      : config->jwt_replay    ? "jwt_replay"
	                                              : NULL;

	if (!useless || *config->jwt_secret || *config->jwt_public_key)
		return WSM_OK;
	return wsm__fail(error, WSM_ECONFIG,
	                 "option %s is set, but neither jwt_secret nor jwt_public_key: no token would be checked",
	                 useless);
}

static int check_tls(const struct wsm_config *config, wsm_error *error)
{
	if (!*config->tls_cert != !*config->tls_key)
		return wsm__fail(error, WSM_ECONFIG, "option %s is set and %s is not; TLS needs both",
		                 *config->tls_cert ? "tls_cert" : "tls_key",
		                 *config->tls_cert ? "tls_key" : "tls_cert");
	if (*config->tls_cert && !*config->port)
		return wsm__fail(error, WSM_ECONFIG,
		                 "option tls_cert: TLS is spoken on the runtime's own port only; set port");
	return WSM_OK;
}

int wsm__config_check(const struct wsm_config *config, wsm_error *error)
{
	if (!(config->timeout > config->heartbeat_interval))
		return wsm__fail(
			error, WSM_ECONFIG,
			"option timeout: %g s must be more than heartbeat_interval, which is %g s; raise the one "
			"or lower the other",
			config->timeout, config->heartbeat_interval);
	if (config->ban_time > config->ban_time_max)
		return wsm__fail(
			error, WSM_ECONFIG,
			"option ban_time: %g s must be at most ban_time_max, which is %g s; raise the one or lower the "
			"other",
			config->ban_time, config->ban_time_max);
	if (config->max_pending < config->max_publish_size)
		return wsm__fail(
			error, WSM_ECONFIG,
			"option max_pending: %llu bytes must hold a message of max_publish_size, which is %llu "
			"bytes; raise the one or lower the other",
			(unsigned long long)config->max_pending, (unsigned long long)config->max_publish_size);
	if (strcmp(config->check_events, "off") && strcmp(config->check_events, "warn") &&
	    strcmp(config->check_events, "error"))
		return wsm__fail(error, WSM_ECONFIG, "option check_events: \"%s\" is none of off, warn, error",
		                 config->check_events);
	if (check_tls(config, error))
		return WSM_ECONFIG;
	return check_jwt(config, error);
}
