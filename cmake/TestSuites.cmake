# Read by ctest, once for each test program: one test for each of its suites. One for each case would load libtorch, a third of a
# second, five times as often. Expects `program`, `name` (of the tests: <name>/<suite>), `label`,
# `environment` and `list` (a file to keep them in).
if(NOT EXISTS ${program})
  add_test(${name}_NOT_BUILT ${name}_NOT_BUILT)
  return()
endif()
if(NOT EXISTS ${list} OR ${program} IS_NEWER_THAN ${list} OR ${CMAKE_CURRENT_LIST_FILE} IS_NEWER_THAN ${list})
  execute_process(COMMAND ${program} --gtest_list_tests OUTPUT_VARIABLE cases COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "\n[^ \n]+\\.[ \n]" suites "\n${cases}")
  set(tests "")
  foreach(suite ${suites})
    string(REGEX REPLACE "^\n(.+)\\.[ \n]$" "\\1" suite "${suite}")
    string(APPEND tests "add_test(${name}/${suite} ${program} --gtest_filter=${suite}.*)\n"
                        "set_tests_properties(${name}/${suite} PROPERTIES LABELS ${label} TIMEOUT 900 ENVIRONMENT \"${environment}\")\n")
  endforeach()
  file(WRITE ${list} "${tests}")
endif()
include(${list})
