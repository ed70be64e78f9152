/* misspelt.h - finds variables of the environment that are misspelt options. */
#ifndef WSM_POLICY_MISSPELT_H
#define WSM_POLICY_MISSPELT_H

#include <stdbool.h>

/* Returns whether a variable ("WEBSOCKET_RAET", without its value) begins like our options and is none. */
bool wsm__variable_unknown(const char *name);
/* Returns the variable of the option that was probably meant; NULL if none is near. Static. */
const char *wsm__variable_near(const char *name);

#endif
