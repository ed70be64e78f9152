# Compiler and linker flags of our own code, as the interface target wsm_flags.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
	set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")

add_library(wsm_flags INTERFACE)
target_compile_definitions(wsm_flags INTERFACE _GNU_SOURCE)
target_compile_options(wsm_flags INTERFACE -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wformat=2 -Wundef -Wvla)
if(WSM_WERROR)
	target_compile_options(wsm_flags INTERFACE -Werror)
endif()
target_include_directories(wsm_flags SYSTEM INTERFACE "${WSM_UTHASH_INCLUDE}")

set(wsm_test_environment)

if(WSM_FUZZ)
	if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
		message(FATAL_ERROR "The fuzzers need clang: CC=clang cmake … (Debian package: clang)")
	endif()
	target_compile_options(wsm_flags INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
		-fno-omit-frame-pointer)
	target_link_options(wsm_flags INTERFACE -fsanitize=address,undefined)
elseif(WSM_SANITIZE STREQUAL "address")
	target_compile_options(wsm_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=undefined
		-fno-omit-frame-pointer)
	target_link_options(wsm_flags INTERFACE -fsanitize=address,undefined)
	list(APPEND wsm_test_environment "UBSAN_OPTIONS=print_stacktrace=1")
elseif(WSM_SANITIZE STREQUAL "thread")
	target_compile_options(wsm_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
	target_link_options(wsm_flags INTERFACE -fsanitize=thread)
	list(APPEND wsm_test_environment
		"TSAN_OPTIONS=halt_on_error=1:die_after_fork=0:suppressions=${CMAKE_CURRENT_SOURCE_DIR}/tests/tsan.supp")
elseif(NOT WSM_SANITIZE STREQUAL "none")
	message(FATAL_ERROR "WSM_SANITIZE is '${WSM_SANITIZE}'; it may be address, thread or none.")
elseif(CMAKE_BUILD_TYPE MATCHES "Rel")
	target_compile_options(wsm_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong
		-fstack-clash-protection)
	if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
		target_compile_options(wsm_flags INTERFACE -fcf-protection)
	endif()
	target_link_options(wsm_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
endif()
