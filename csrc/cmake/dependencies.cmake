# Finds what the core is built on. Each miss is named together with the Debian/Ubuntu package that has it, all at once,
# so that one apt-get puts it right.

set(wsm_missing)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

find_program(WSM_PKG_CONFIG NAMES pkg-config pkgconf)
if(NOT WSM_PKG_CONFIG)
	message(FATAL_ERROR "pkg-config was not found. On Debian or Ubuntu:\n  apt-get install pkg-config\n")
endif()
find_package(PkgConfig REQUIRED)

# module, minimal version, Debian package
macro(wsm_need prefix module version package)
	pkg_check_modules(${prefix} QUIET IMPORTED_TARGET "${module}>=${version}")
	if(NOT ${prefix}_FOUND)
		pkg_check_modules(${prefix}_any QUIET ${module})
		if(${prefix}_any_FOUND)
			message(FATAL_ERROR "${module} ${${prefix}_any_VERSION} is too old: ws_manager needs ${version} or later "
				"(Debian 12 has it).")
		endif()
		list(APPEND wsm_missing ${package})
	endif()
endmacro()

wsm_need(websockets libwebsockets 4.1 libwebsockets-dev)
wsm_need(uv libuv 1.40 libuv1-dev)
wsm_need(jansson jansson 2.13 libjansson-dev)
wsm_need(jwt libjwt 1.10 libjwt-dev)
wsm_need(crypto libcrypto 3.0 libssl-dev)
wsm_need(sqlite sqlite3 3.37 libsqlite3-dev)
if(WSM_TLS)
	wsm_need(ssl libssl 3.0 libssl-dev)
endif()
if(WSM_TESTS)
	wsm_need(cmocka cmocka 1.1.5 libcmocka-dev)
endif()

find_path(WSM_UTHASH_INCLUDE uthash.h)
if(NOT WSM_UTHASH_INCLUDE)
	list(APPEND wsm_missing uthash-dev)
endif()

# libwebsockets loads its libuv support with dlopen(): the build would succeed and the start would fail without it.
if(websockets_FOUND)
	include(CheckSymbolExists)
	set(CMAKE_REQUIRED_INCLUDES ${websockets_INCLUDE_DIRS})
	check_symbol_exists(LWS_WITH_EVLIB_PLUGINS "lws_config.h" wsm_lws_has_plugins)
	unset(CMAKE_REQUIRED_INCLUDES)
	if(wsm_lws_has_plugins)
		find_file(WSM_LWS_UV_PLUGIN NAMES libwebsockets-evlib_uv.so
			PATHS ${websockets_LIBDIR} "/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}" PATH_SUFFIXES "" NO_CACHE)
		if(NOT WSM_LWS_UV_PLUGIN)
			list(APPEND wsm_missing libwebsockets-evlib-uv)
		endif()
	endif()
endif()

if(wsm_missing)
	string(REPLACE ";" " " wsm_missing "${wsm_missing}")
	message(FATAL_ERROR
		"ws_manager needs libraries that were not found. On Debian or Ubuntu:\n  apt-get install ${wsm_missing}\n")
endif()
