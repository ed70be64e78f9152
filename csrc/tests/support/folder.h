/* folder.h - a folder for one test, with whatever a store leaves in it. */
#ifndef WSM_TESTS_FOLDER_H
#define WSM_TESTS_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"

static char folder[64], file[96];

static inline void folder_make(void)
{
	snprintf(folder, sizeof(folder), "/tmp/wsm-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/ws.db", folder);
}

static inline void folder_drop(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	char path[400];

	while (dir && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

#endif
