/* runtime_token.c - Runtime's calls about tokens: what is revoked, and the keys. */
#include "core.h"

PyObject *core_runtime_revoke(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *jti, *user_id;
	unsigned long long before = 0, until = 0;
	wsm_revocation what = { .before_ms = 0 };
	wsm_error error = { 0 };

	if (!PyArg_ParseTuple(args, "UU|KK:revoke", &jti, &user_id, &before, &until) ||
	    core_text(jti, "jti", &what.jti) < 0 || core_text(user_id, "user_id", &what.user_id) < 0)
		return NULL;
	what.before_ms = before;
	what.until_ms = until;
	return core_result(runtime, wsm_revoke(runtime->runtime, &what, &error), &error);
}

PyObject *core_runtime_unrevoke(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	PyObject *jti, *user_id;
	wsm_slice texts[2];
	wsm_error error = { 0 };

	if (!PyArg_ParseTuple(args, "UU:unrevoke", &jti, &user_id) || core_text(jti, "jti", &texts[0]) < 0 ||
	    core_text(user_id, "user_id", &texts[1]) < 0)
		return NULL;
	return core_result(runtime, wsm_unrevoke(runtime->runtime, texts[0], texts[1], &error), &error);
}

PyObject *core_runtime_revocations(PyObject *self, PyObject *none)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	wsm_text answer = { NULL, 0 };
	wsm_error error = { 0 };
	PyObject *result;
	int status = wsm_revocations(runtime->runtime, &answer, &error);

	(void)none;
	if (status != WSM_OK)
		return core_result(runtime, status, &error);
	result = PyBytes_FromStringAndSize(answer.data, (Py_ssize_t)answer.len);
	wsm_text_free(&answer);
	return result;
}

PyObject *core_runtime_reload_keys(PyObject *self, PyObject *args)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	const char *secret, *public_key;
	wsm_error error = { 0 };
	int status;

	if (!PyArg_ParseTuple(args, "zz:reload_keys", &secret, &public_key))
		return NULL;
	/* It reads a file, and may wait for a stop. */
	Py_BEGIN_ALLOW_THREADS status = wsm_reload_keys(runtime->runtime, secret, public_key, &error);
	Py_END_ALLOW_THREADS return core_result(runtime, status, &error);
}

PyObject *core_runtime_reload_tls(PyObject *self, PyObject *none)
{
	struct core_runtime *runtime = (struct core_runtime *)self;
	wsm_error error = { 0 };
	int status;

	(void)none;
	Py_BEGIN_ALLOW_THREADS status = wsm_reload_tls(runtime->runtime, &error); /* it reads files */
	Py_END_ALLOW_THREADS return core_result(runtime, status, &error);
}
