# libmolmo, its headers, the program, and how other projects find them. Filled in with the public API.
set_source_files_properties(${CMAKE_SOURCE_DIR}/src/cli/version.cpp PROPERTIES COMPILE_DEFINITIONS MOLMO_BUILD_TYPE="${CMAKE_BUILD_TYPE}")
