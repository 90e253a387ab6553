# Precompiled headers: parsing torch's Tensor class takes 10 s a source with GCC 12, JSON and the standard library 2 s. Two
# cores, one source of src/model: 12.8 s without, 4.0 s with. Each source still includes what it uses: the sanitizer
# presets build without, and fail where one does not.
set(MOLMO_PRECOMPILE_DEFAULT ON)
if(MOLMO_SANITIZE)
  set(MOLMO_PRECOMPILE_DEFAULT OFF)
endif()
option(MOLMO_PRECOMPILE "Precompile the headers of torch, GoogleTest, JSON and the standard library" ${MOLMO_PRECOMPILE_DEFAULT})

# name: of the header set. Targets that use it must be compiled with the same options.
function(molmo_precompiled_headers name)
  cmake_parse_arguments(arg "" "" "HEADERS;LIBRARIES;OPTIONS" ${ARGN})
  if(NOT MOLMO_PRECOMPILE)
    return()
  endif()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/precompiled_${name}.cpp CONTENT "")
  add_library(molmo_precompiled_${name} OBJECT EXCLUDE_FROM_ALL ${CMAKE_BINARY_DIR}/precompiled_${name}.cpp)
  target_link_libraries(molmo_precompiled_${name} PRIVATE ${arg_LIBRARIES})
  target_compile_options(molmo_precompiled_${name} PRIVATE ${arg_OPTIONS})
  target_precompile_headers(molmo_precompiled_${name} PRIVATE ${arg_HEADERS})
endfunction()

function(molmo_use_precompiled target name)
  if(MOLMO_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM molmo_precompiled_${name})
  endif()
endfunction()

set(tensor_headers <ATen/TensorOperators.h> <ATen/core/Tensor.h> <ATen/core/grad_mode.h> <ATen/ops/cat.h> <ATen/ops/full.h> <ATen/ops/zeros.h>)
set(standard_headers <filesystem> <functional> <map> <memory> <nlohmann/json.hpp> <optional> <string> <vector>)
molmo_precompiled_headers(plain LIBRARIES fmt nlohmann_json::nlohmann_json HEADERS ${standard_headers} <fmt/format.h>)
molmo_precompiled_headers(torch LIBRARIES fmt molmo_torch nlohmann_json::nlohmann_json HEADERS ${tensor_headers} ${standard_headers} <fmt/format.h>)

# The command line and the tests are built with fewer optimisations: they call the library, and compile twice as fast.
set(MOLMO_QUICK_OPTIONS $<$<CONFIG:Release>:-O1>)
molmo_precompiled_headers(cli LIBRARIES fmt nlohmann_json::nlohmann_json OPTIONS ${MOLMO_QUICK_OPTIONS}
                          HEADERS ${standard_headers} <fmt/format.h>)
if(MOLMO_BUILD_TESTS)
  find_package(GTest REQUIRED)
  molmo_precompiled_headers(plain_tests LIBRARIES fmt nlohmann_json::nlohmann_json GTest::gmock OPTIONS ${MOLMO_QUICK_OPTIONS} -fPIE
                            HEADERS ${standard_headers} <fmt/format.h> <gmock/gmock.h> <gtest/gtest.h>)
  molmo_precompiled_headers(torch_tests LIBRARIES fmt molmo_torch nlohmann_json::nlohmann_json GTest::gmock OPTIONS ${MOLMO_QUICK_OPTIONS} -fPIE
                            HEADERS ${tensor_headers} ${standard_headers} <fmt/format.h> <gmock/gmock.h> <gtest/gtest.h>)
endif()
