# The Python extension ws_manager._core, with CPython's limited API: one binary for every CPython >= 3.11.
#
# Only the headers are needed. CMake's own support for the limited API (Development.SABIModule) begins with 3.26, which
# Debian 12 does not have, so that the two things which it would do are done here: Py_LIMITED_API and the file's name.

find_package(Python 3.11 COMPONENTS Interpreter Development.Module)
if(NOT Python_Development.Module_FOUND)
	message(FATAL_ERROR "The headers of CPython >= 3.11 were not found for ${Python_EXECUTABLE}. "
		"On Debian or Ubuntu:\n  apt-get install python3-dev\n")
endif()

file(GLOB wsm_python_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/../python/src/*.c")
if(NOT wsm_python_sources)
	message(FATAL_ERROR "No sources found under python/src: the source tree is incomplete.")
endif()

python_add_library(_core MODULE ${wsm_python_sources})
target_compile_definitions(_core PRIVATE Py_LIMITED_API=0x030b0000)
target_include_directories(_core PRIVATE "${CMAKE_CURRENT_SOURCE_DIR}/../python/src")
target_link_libraries(_core PRIVATE wsm_core)
set_target_properties(_core PROPERTIES SUFFIX ".abi3.so")
install(TARGETS _core LIBRARY DESTINATION ws_manager)
