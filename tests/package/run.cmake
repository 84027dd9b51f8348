# Installs BUILD_DIR into a fresh prefix outside the tree, then configures, builds and runs every
# project beside this file against it.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE status
    OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT status EQUAL 0)
    file(REMOVE_RECURSE "${scratch}")
    message(FATAL_ERROR "failed: ${ARGN}\n${output}")
  endif()
endfunction()

execute_process(COMMAND mktemp -d OUTPUT_VARIABLE scratch OUTPUT_STRIP_TRAILING_WHITESPACE
  COMMAND_ERROR_IS_FATAL ANY)
run("${CMAKE_COMMAND}" --install "${BUILD_DIR}" --prefix "${scratch}/prefix")

file(GLOB projects RELATIVE "${CONSUMERS}" "${CONSUMERS}/*/CMakeLists.txt")
if(NOT projects)
  message(FATAL_ERROR "no consumers in ${CONSUMERS}")
endif()
foreach(project IN LISTS projects)
  get_filename_component(name "${project}" DIRECTORY)
  file(COPY "${CONSUMERS}/${name}" DESTINATION "${scratch}")
  run("${CMAKE_COMMAND}" -S "${scratch}/${name}" -B "${scratch}/${name}/build" -G "${GENERATOR}"
    -D "CMAKE_PREFIX_PATH=${scratch}/prefix" -D "CMAKE_CXX_COMPILER=${COMPILER}"
    -D "CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" -D CMAKE_BUILD_TYPE=Debug)
  run("${CMAKE_COMMAND}" --build "${scratch}/${name}/build")
  run("${scratch}/${name}/build/${name}")
  # Components that a consumer does not ask for are not linked.
  execute_process(COMMAND ldd "${scratch}/${name}/build/${name}" OUTPUT_VARIABLE linked
    COMMAND_ERROR_IS_FATAL ANY)
  if(linked MATCHES "librocksdb|libprotobuf|libboost_log|liblog4cpp")
    file(REMOVE_RECURSE "${scratch}")
    message(FATAL_ERROR "${name} links ${CMAKE_MATCH_0}, which it has not asked for")
  endif()
  message(STATUS "${name}: built and ran")
endforeach()
file(REMOVE_RECURSE "${scratch}")
