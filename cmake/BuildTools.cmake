# Compiler cache, linker, warnings, hardening, sanitizers.
find_program(CCACHE ccache)
if(CCACHE)
  # Sources with precompiled headers are cached only when differences that do not matter are left out of account.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_compile_options(-Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Werror -fstack-protector-strong)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)  # for the compiler cache
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # It sees std::string write out of bounds where it is moved or assigned a literal (GCC bug 105329).
    foreach(warning array-bounds stringop-overflow stringop-overread restrict)
      add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-${warning}>)
    endforeach()
  endif()
endif()
add_compile_definitions(_GLIBCXX_ASSERTIONS)
add_link_options(-Wl,-z,relro,-z,now -Wl,--as-needed)

if(MOLMO_BUILD_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "MOLMO_BUILD_FUZZ needs Clang with its fuzzer library: use the preset 'fuzz', or set CMAKE_CXX_COMPILER.")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)  # counts the branches that an input takes
endif()
if(MOLMO_SANITIZE)
  add_compile_options(-fsanitize=${MOLMO_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${MOLMO_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Sanitizer checks between the statements of std::regex hide from the compiler that a std::function is set before it is used.
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-maybe-uninitialized>)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
