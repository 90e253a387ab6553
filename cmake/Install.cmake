# libmolmo, its headers, the program, and how other projects find them:
#   find_package(molmo) and molmo::molmo, or pkg-config molmo
# With MOLMO_BUNDLE_TORCH the libraries of libtorch and Arrow are installed beside libmolmo, and the source tree may go.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set_source_files_properties(${CMAKE_SOURCE_DIR}/src/cli/version.cpp PROPERTIES COMPILE_DEFINITIONS MOLMO_BUILD_TYPE="${CMAKE_BUILD_TYPE}")

# One version number: the header's. The interface may change with the minor version as long as the major one is 0.
file(STRINGS ${CMAKE_SOURCE_DIR}/include/molmo/version.h version_line REGEX "define MOLMO_VERSION \"")
if(NOT version_line MATCHES "\"${PROJECT_VERSION}\"")
  message(FATAL_ERROR "include/molmo/version.h says ${version_line}, CMakeLists.txt says ${PROJECT_VERSION}")
endif()

file(WRITE ${CMAKE_BINARY_DIR}/empty.cpp "")
add_library(molmo SHARED ${CMAKE_BINARY_DIR}/empty.cpp)
add_library(molmo::molmo ALIAS molmo)
target_link_libraries(molmo PRIVATE $<LINK_LIBRARY:WHOLE_ARCHIVE,molmo_api>)
molmo_link_ops(molmo)
target_include_directories(molmo INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(molmo INTERFACE cxx_std_17)
set_target_properties(molmo PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
# Headers of other libraries mark their inline functions as visible; the script keeps them out of our interface.
target_link_options(molmo PRIVATE -Wl,--version-script=${CMAKE_SOURCE_DIR}/cmake/exports.map)
# Public, defined in base, and not used by the library itself: to_string(ErrorCategory).
target_link_options(molmo PRIVATE -Wl,--undefined=_ZN5molmo9to_stringENS_13ErrorCategoryE)
set_target_properties(molmo PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/cmake/exports.map)

set(torch_lib ${MOLMO_TORCH_DIR}/lib)
if(MOLMO_BUNDLE_TORCH AND EXISTS ${torch_lib}/libtorch_cuda.so)
  message(STATUS "libtorch has CUDA: its libraries (several GB) are not bundled, the installation uses ${torch_lib}")
  set(MOLMO_BUNDLE_TORCH OFF)
endif()
if(MOLMO_BUNDLE_TORCH)
  file(GLOB torch_libraries ${torch_lib}/libtorch_cpu.so ${torch_lib}/libc10.so ${torch_lib}/libgomp*.so*)
  install(FILES ${torch_libraries} ${arrow_library} ${parquet_library} DESTINATION ${CMAKE_INSTALL_LIBDIR}/molmo
          PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
  set_target_properties(molmo PROPERTIES INSTALL_RPATH "$ORIGIN/molmo")
  set_target_properties(molmo_program PROPERTIES INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}/molmo")
else()
  set_target_properties(molmo molmo_program PROPERTIES INSTALL_RPATH "${torch_lib};${MOLMO_ARROW_DIR}")
endif()

install(TARGETS molmo EXPORT molmoTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS molmo_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${CMAKE_SOURCE_DIR}/include/molmo DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(EXISTS ${CMAKE_SOURCE_DIR}/models/nano)
  install(DIRECTORY ${CMAKE_SOURCE_DIR}/models/nano DESTINATION ${CMAKE_INSTALL_DATADIR}/molmo/models)
endif()

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/molmo)
install(EXPORT molmoTargets NAMESPACE molmo:: FILE molmoConfig.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/molmoConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/molmoConfigVersion.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH prefix_from_pkgconfig /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
configure_file(${CMAKE_SOURCE_DIR}/cmake/molmo.pc.in ${CMAKE_BINARY_DIR}/molmo.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/molmo.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Manual and completions are printed by the program that was just installed.
install(CODE "
  set(prefix \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}\")
  set(program \"\${prefix}/${CMAKE_INSTALL_BINDIR}/molmo\")
  execute_process(COMMAND \"\${program}\" man -o \"\${prefix}/${CMAKE_INSTALL_MANDIR}/man1\" COMMAND_ERROR_IS_FATAL ANY)
  foreach(row bash:bash-completion/completions/molmo zsh:zsh/site-functions/_molmo fish:fish/vendor_completions.d/molmo.fish)
    string(REGEX MATCH \"^([a-z]+):(.*)$\" unused \"\${row}\")
    set(shell \"\${CMAKE_MATCH_1}\")
    set(script \"\${prefix}/${CMAKE_INSTALL_DATADIR}/\${CMAKE_MATCH_2}\")
    execute_process(COMMAND \"\${program}\" completion \${shell} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
    file(WRITE \"\${script}\" \"\${text}\")
  endforeach()
  message(STATUS \"Installed the manual and the completions of molmo\")
")
